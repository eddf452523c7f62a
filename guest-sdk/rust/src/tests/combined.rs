//! Several tasks at once.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use serde_json::json;

use super::play;
use crate::error::Result;
use crate::fake_host as host;
use crate::join::join;
use crate::join_all::{join_all, try_join_all};
use crate::options::Retry;
use crate::race::{Either, race};
use crate::saga::Saga;

#[test]
fn join_all_keeps_the_order_and_waits_for_what_is_left() {
    host::play(json!(null), [(2, json!("c")), (0, json!("a")), (1, json!("b"))]);
    let output = play(|ctx| async move {
        let all = join_all((0..3).map(|n| ctx.call_activity::<String>("A", n)));
        Ok(json!(all.await.into_iter().collect::<Result<Vec<_>>>()?))
    });
    assert_eq!(output, Ok(json!(["a", "b", "c"])));
    assert_eq!(host::asked(), ["0: A(0)", "1: A(1)", "2: A(2)", "await [0, 1, 2]", "await [0, 1]", "await [1]"]);
}

#[test]
fn join_all_issues_its_commands_at_the_call() {
    host::play(json!(null), [(0, json!(0)), (1, json!(1))]);
    let output = play(|ctx| async move {
        let all = try_join_all([1].map(|n| ctx.call_activity::<u32>("Inside", n)));
        let after = ctx.call_activity::<u32>("After", 2);
        Ok(json!([all.await?, [after.await?]]))
    });
    assert_eq!(output, Ok(json!([[0], [1]])));
    assert_eq!(host::asked()[..2], ["0: Inside(1)", "1: After(2)"]);
}

#[test]
fn join_all_polls_only_the_child_that_was_woken() {
    const CHILDREN: usize = 1_000;
    host::play(json!(null), std::array::from_fn::<_, CHILDREN, _>(|n| (CHILDREN - 1 - n, json!(n))));
    let polls = Cell::new(0);
    let counted = &polls;
    play(|ctx| async move {
        let child = |n| {
            let task = ctx.call_activity::<usize>("A", n);
            async move {
                let mut task = pin!(task);
                poll_fn(|cx| {
                    counted.set(counted.get() + 1);
                    task.as_mut().poll(cx)
                })
                .await
            }
        };
        Ok(json!(try_join_all((0..CHILDREN).map(child)).await?.len()))
    })
    .unwrap();
    assert_eq!(polls.get(), 2 * CHILDREN);
}

#[test]
fn join_all_of_nothing_waits_for_nothing() {
    host::play(json!(null), []);
    let output =
        play(|ctx| async move { Ok(json!(join_all((0..0).map(|n| ctx.call_activity::<u32>("A", n))).await.len())) });
    assert_eq!(output, Ok(json!(0)));
    assert!(host::asked().is_empty());
}

#[test]
fn try_join_all_ends_with_the_first_failure_and_drops_the_rest() {
    host::play(json!(null), [(3, json!(null))]);
    host::then_fail(1, "sold-out");
    let output = play(|ctx| async move {
        let failed = try_join_all((0..3).map(|n| ctx.call_activity::<()>("Book", n))).await.unwrap_err();
        ctx.call_activity::<()>("Apologize", &failed.kind).await?;
        Ok(json!(failed.kind))
    });
    assert_eq!(output, Ok(json!("sold-out")));
    assert_eq!(
        host::asked()[3..],
        ["await [0, 1, 2]", "cancel 0", "cancel 2", r#"3: Apologize("sold-out")"#, "await [3]"]
    );
}

#[test]
fn join_takes_up_to_four_of_different_types() {
    host::play(json!(null), [(3, json!([4])), (0, json!(1)), (2, json!(true)), (1, json!("two"))]);
    let output = play(|ctx| async move {
        let (a, b, c, d) = join((
            ctx.call_activity::<u32>("A", ()),
            ctx.call_activity::<String>("B", ()),
            ctx.wait_for_event::<bool>("C"),
            ctx.call_orchestrator::<Vec<u32>>("D", ()),
        ))
        .await;
        Ok(json!([a?, b?, c?, d?]))
    });
    assert_eq!(output, Ok(json!([1, "two", true, [4]])));
}

#[test]
fn combinations_can_be_combined() {
    host::play(json!(null), [(2, json!(null)), (0, json!(1)), (1, json!(2))]);
    let output = play(|ctx| async move {
        let both = try_join_all((0..2).map(|n| ctx.call_activity::<u32>("A", n)));
        let mut both = pin!(both);
        let Either::Right(timer) = race(&mut both, ctx.start_timer(Duration::from_secs(1))).await else {
            panic!("the timer was first");
        };
        timer?;
        Ok(json!(both.await?))
    });
    assert_eq!(output, Ok(json!([1, 2])));
    assert_eq!(host::asked()[3..], ["await [0, 1, 2]", "await [0, 1]", "await [1]"]);
}

#[test]
fn with_timeout_is_none_when_the_timer_is_first() {
    let flow = || {
        play(|ctx| async move {
            let answer = ctx.with_timeout(Duration::from_secs(60), ctx.wait_for_event::<bool>("Answer"));
            Ok(json!(answer.await?))
        })
    };
    host::play(json!(null), [(0, json!(true))]);
    assert_eq!(flow(), Ok(json!(true)));
    host::play(json!(null), [(1, json!(null))]);
    assert_eq!(flow(), Ok(json!(null)));
    assert_eq!(host::asked(), ["0: event Answer", "1: timer 60000", "await [0, 1]"]);
}

#[test]
fn a_saga_takes_back_what_was_done_the_last_step_first() {
    host::play(json!(null), [(0, json!(0)), (1, json!(1)), (2, json!(2)), (3, json!(3))]);
    let output = play(|ctx| async move {
        let saga = Saga::new(&ctx);
        for step in ["A", "B"] {
            ctx.call_activity::<u32>(step, 1).await?;
            saga.undo_by(&format!("Undo{step}"), step)?;
        }
        saga.compensate(Retry::attempts(2)).await?;
        Ok(json!("taken back"))
    });
    assert_eq!(output, Ok(json!("taken back")));
    let calls: Vec<String> = host::asked().into_iter().filter(|asked| !asked.starts_with("await")).collect();
    assert_eq!(calls, ["0: A(1)", "1: B(1)", "2: UndoB(\"B\")", "3: UndoA(\"A\")"]);
}
