//! Tasks that nobody waits for any more.

use std::time::Duration;

use serde_json::json;

use super::play;
use crate::fake_host as host;
use crate::race::{Either, race};

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn the_loser_of_a_race_is_cancelled_before_the_next_command() {
    host::play(json!(null), [(1, json!(null)), (2, json!("late"))]);
    let output = play(|ctx| async move {
        let first = race(ctx.wait_for_event::<String>("Go"), ctx.start_timer(MINUTE)).await;
        assert!(matches!(first, Either::Right(Ok(()))));
        Ok(json!(ctx.wait_for_event::<String>("Go").await?))
    });
    assert_eq!(output, Ok(json!("late")));
    assert_eq!(host::asked()[2..], ["await [0, 1]", "cancel 0", "2: event Go", "await [2]"]);
}

#[test]
fn nothing_is_cancelled_once_the_flow_has_ended() {
    host::play(json!(null), [(1, json!("now"))]);
    let output = play(|ctx| async move {
        let _never_polled = ctx.start_timer(MINUTE * 60);
        match race(ctx.wait_for_event::<String>("Go"), ctx.start_timer(MINUTE)).await {
            Either::Left(data) => Ok(json!(data?)),
            Either::Right(_) => Ok(json!(null)),
        }
    });
    assert_eq!(output, Ok(json!("now")));
    assert_eq!(host::asked().last().map(String::as_str), Some("await [1, 2]"));
}

#[test]
fn the_loser_can_be_kept() {
    host::play(json!(null), [(1, json!(null)), (0, json!("late"))]);
    let output = play(|ctx| async move {
        let mut go = ctx.wait_for_event::<String>("Go");
        assert!(matches!(race(&mut go, ctx.start_timer(MINUTE)).await, Either::Right(_)));
        ctx.set_custom_status("a minute has passed")?;
        Ok(json!(go.await?))
    });
    assert_eq!(output, Ok(json!("late")));
    assert_eq!(host::asked()[2..], ["await [0, 1]", r#"status "a minute has passed""#, "await [0]"]);
}

#[test]
fn a_kept_loser_that_is_done_meanwhile_has_its_outcome_later() {
    host::play(json!(null), [(1, json!(null)), (0, json!("early")), (2, json!(5))]);
    let output = play(|ctx| async move {
        let mut go = ctx.wait_for_event::<String>("Go");
        assert!(matches!(race(&mut go, ctx.start_timer(MINUTE)).await, Either::Right(_)));
        let five = ctx.call_activity::<u32>("Five", ()).await?;
        Ok(json!([five, go.await?]))
    });
    assert_eq!(output, Ok(json!([5, "early"])));
    assert_eq!(host::asked()[3..], ["2: Five(null)", "await [0, 2]", "await [2]"]);
}

#[test]
fn a_task_that_was_never_polled_is_cancelled_too() {
    host::play(json!(null), [(1, json!(1))]);
    let output = play(|ctx| async move {
        drop(ctx.wait_for_event::<()>("Go"));
        Ok(json!(ctx.call_activity::<u32>("A", ()).await?))
    });
    assert_eq!(output, Ok(json!(1)));
    assert_eq!(host::asked(), ["0: event Go", "cancel 0", "1: A(null)", "await [1]"]);
}

#[test]
fn cancel_takes_effect_at_once() {
    host::play(json!(null), []);
    let output = play(|ctx| async move {
        ctx.start_timer(MINUTE).cancel();
        Ok(json!("done"))
    });
    assert_eq!(output, Ok(json!("done")));
    assert_eq!(host::asked(), ["0: timer 60000", "cancel 0"]);
}

#[test]
fn a_task_that_is_dropped_after_it_was_done_and_before_it_was_polled_is_cancelled_too() {
    host::play(json!(null), [(1, json!(null)), (0, json!("early")), (2, json!(5))]);
    let output = play(|ctx| async move {
        let mut go = ctx.wait_for_event::<String>("Go");
        assert!(matches!(race(&mut go, ctx.start_timer(MINUTE)).await, Either::Right(_)));
        ctx.call_activity::<u32>("Five", ()).await?;
        drop(go);
        ctx.set_custom_status("five")?;
        ctx.raise_event("other", "Five", 5)?;
        Ok(json!(null))
    });
    assert_eq!(output, Ok(json!(null)));
    assert_eq!(host::asked()[6..], [r#"status "five""#, "cancel 0", "raise Five(5) at other"]);
}
