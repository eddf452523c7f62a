//! Takes more than its share: processor, memory, time, commands, bytes.

use std::hint::black_box;
use std::time::Duration;

use raw::{Outcome, call, context};

/// Burns the processor and never asks the host for anything.
pub(crate) fn loop_forever() -> Outcome {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

/// A megabyte at a time, written to, until the host says no.
pub(crate) fn allocate_forever() -> Outcome {
    let mut hoard = vec![];
    loop {
        hoard.push(black_box(vec![1_u8; 1 << 20]));
    }
}

/// Blocks in WASI, where the host's thread would sleep with it.
pub(crate) fn sleep() -> Outcome {
    std::thread::sleep(Duration::from_secs(10));
    Ok("\"slept\"".to_owned())
}

/// Far more commands than fit into a turn.
pub(crate) fn many_commands() -> Outcome {
    const COMMANDS: usize = 100_000;
    let tasks: Vec<_> = (0..COMMANDS).map(|_| context::call_activity("Noop", "null", None)).collect();
    Ok(tasks.len().to_string())
}

/// One input of 5 MiB.
pub(crate) fn huge_activity_input() -> Outcome {
    call("Noop", &format!("\"{}\"", "x".repeat(5 << 20)))
}
