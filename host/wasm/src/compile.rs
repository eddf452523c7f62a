//! Compiling, in a child process with limits on memory, CPU and time: an upload is hostile until it has been compiled.

use crate::engine;
use crate::registry::LoadError;
use anyhow::Context as _;
use rlimit::Resource;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio::sync::Mutex;
use wasmtime::Engine;

/// Memory of the compiling process, in bytes.
const MEMORY_BYTES: u64 = 2 << 30;
/// Its CPU, in seconds.
const CPU_SECONDS: u64 = 60;
/// Its time, in seconds.
const WALL_SECONDS: u64 = 90;

/// An artefact of the compiling process, in bytes at most.
const ARTEFACT_BYTES: u64 = 512 << 20;
/// What it may say on standard error, in bytes.
const SAID_BYTES: u64 = 64 << 10;

/// Compiles components, one at a time.
pub(crate) struct Compiler {
    engine: Engine,
    program: Option<PathBuf>,
    one_at_a_time: Mutex<()>,
}

impl Compiler {
    pub(crate) fn new(engine: Engine, program: Option<PathBuf>) -> Self {
        Self { engine, program, one_at_a_time: Mutex::new(()) }
    }

    /// The compiled artefact.
    pub(crate) async fn compile(&self, component: Vec<u8>) -> Result<Vec<u8>, LoadError> {
        let _one_at_a_time = self.one_at_a_time.lock().await;
        match &self.program {
            Some(program) => in_child(program, &component).await,
            None => {
                let engine = self.engine.clone();
                let compiled = tokio::task::spawn_blocking(move || engine.precompile_component(&component)).await;
                let compiled = compiled.map_err(|error| LoadError::NotNow(error.to_string()))?;
                compiled.map_err(|error| LoadError::Unusable(format!("{error:#}")))
            }
        }
    }
}

async fn in_child(program: &PathBuf, component: &[u8]) -> Result<Vec<u8>, LoadError> {
    let mut child = Command::new(program)
        .arg("compile-module")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .env_clear()
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| LoadError::NotNow(format!("cannot start the compiling process: {error}")))?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let feed = async {
        if let Some(mut stdin) = stdin {
            // A child that has already given up does not read to the end; its own error says why.
            let _ = stdin.write_all(component).await;
        }
    };
    // Bounded: what a hostile component makes of its compiler must not fill our memory. A child that says more than
    // this stands still, and runs out of time.
    let finished = async { tokio::join!(feed, read(stdout, ARTEFACT_BYTES), read(stderr, SAID_BYTES), child.wait()) };
    let ((), artefact, said, status) = tokio::time::timeout(Duration::from_secs(WALL_SECONDS), finished)
        .await
        .map_err(|_| LoadError::Unusable(format!("compiling took longer than {WALL_SECONDS} s")))?;
    let unread = |error| LoadError::NotNow(format!("cannot read from the compiling process: {error}"));
    let (artefact, said, status) = (artefact.map_err(unread)?, said.map_err(unread)?, status.map_err(unread)?);
    if status.success() {
        return Ok(artefact);
    }
    let said = String::from_utf8_lossy(&said);
    let said = said.trim().strip_prefix("Error: ").unwrap_or(said.trim()).to_owned();
    Err(LoadError::Unusable(match (status.code(), said.is_empty()) {
        (Some(_), false) => said,
        _ => format!(
            "the compiling process ended with {status}: it may use {} MiB of memory and {CPU_SECONDS} s of CPU",
            MEMORY_BYTES >> 20
        ),
    }))
}

async fn read(from: Option<impl AsyncRead + Unpin>, most_bytes: u64) -> std::io::Result<Vec<u8>> {
    let mut read = Vec::new();
    if let Some(from) = from {
        from.take(most_bytes).read_to_end(&mut read).await?;
    }
    Ok(read)
}

/// The whole life of the compiling process: component from standard input, artefact to standard output.
pub fn child_main() -> anyhow::Result<()> {
    // Private writable memory: address space that is only reserved does not count.
    Resource::DATA.set(MEMORY_BYTES, MEMORY_BYTES).context("limiting memory")?;
    Resource::CPU.set(CPU_SECONDS, CPU_SECONDS).context("limiting CPU")?;
    Resource::CORE.set(0, 0).context("limiting core files")?;
    let mut component = Vec::new();
    std::io::stdin().read_to_end(&mut component)?;
    let compiled = engine::compile_only().and_then(|engine| engine.precompile_component(&component));
    let artefact = compiled.map_err(engine::plain)?;
    std::io::stdout().write_all(&artefact)?;
    Ok(())
}
