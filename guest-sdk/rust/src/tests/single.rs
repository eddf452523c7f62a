//! One task after the other.

use std::collections::BTreeMap;
use std::task::Poll;
use std::time::Duration;

use serde_json::{Value, json};

use super::play;
use crate::error::Error;
use crate::fake_host as host;
use crate::options::BufferedEvents;

#[test]
fn commands_are_issued_by_the_call_and_awaited_later() {
    host::play(json!(null), [(1, json!("b")), (0, json!("a"))]);
    let output = play(|ctx| async move {
        let a = ctx.call_activity::<String>("A", 1);
        let b = ctx.call_activity::<String>("B", 2);
        ctx.set_custom_status("both are on their way")?;
        Ok(json!([a.await?, b.await?]))
    });
    assert_eq!(output, Ok(json!(["a", "b"])));
    assert_eq!(host::asked(), ["0: A(1)", "1: B(2)", r#"status "both are on their way""#, "await [0]", "await [1]"]);
}

#[test]
fn every_verb_reaches_the_host() {
    host::play(json!(7), [(0, json!(true)), (1, json!(null)), (2, json!(3))]);
    let output = play(|ctx| async move {
        let input: u32 = ctx.input()?;
        let event: bool = ctx.wait_for_event("Go").await?;
        ctx.start_timer(Duration::from_secs(2)).await?;
        let child: u32 = ctx.call_orchestrator("Child", "x").await?;
        ctx.info(format_args!("{} at {}", ctx.instance_id(), ctx.now_ms()));
        ctx.raise_event("other", "Ping", [1])?;
        ctx.continue_as_new(input + 1, BufferedEvents::Keep)?;
        Ok(json!([event, child, ctx.new_uuid().len(), ctx.is_replaying()]))
    });
    assert_eq!(output, Ok(json!([true, 3, 36, false])));
    let asked = host::asked();
    assert_eq!(asked[..3], ["0: event Go", "await [0]", "1: timer 2000"]);
    assert_eq!(asked[6], "LogLevel::Info the-instance at 1700000000000");
    assert_eq!(asked[7..], ["raise Ping([1]) at other", "continue with 8, keep events: true"]);
}

#[test]
fn failures_of_activities_keep_their_kind() {
    host::play(json!(null), []);
    host::then_fail(0, "card-declined");
    let error = play(|ctx| async move { ctx.call_activity("Charge", 9).await }).unwrap_err();
    assert_eq!(error, Error::new("card-declined", "task 0 failed"));
}

#[test]
fn results_of_the_wrong_shape_name_their_source() {
    host::play(json!(null), [(0, json!("many"))]);
    let error = play(|ctx| async move { Ok(json!(ctx.call_activity::<u32>("Count", ()).await?)) }).unwrap_err();
    assert!(error.message.starts_with("Unexpected value for the result of activity Count: invalid type"), "{error}");
}

#[test]
fn an_input_that_json_cannot_express_fails_the_task_and_issues_nothing() {
    host::play(json!(null), []);
    let keyed_by_lists = BTreeMap::from([(vec![1], 1)]);
    let error = play(|ctx| async move { ctx.call_activity("A", keyed_by_lists).await }).unwrap_err();
    assert_eq!(error.kind, Error::ENCODE);
    assert!(error.message.starts_with("the input of activity A cannot be written as JSON"), "{error}");
    assert!(host::asked().is_empty());
}

#[test]
#[should_panic(expected = "orchestrator Flow awaits a future that nothing will ever finish")]
fn a_foreign_future_is_not_waited_for() {
    host::play(json!(null), []);
    let _ = play(|_| std::future::pending());
}

#[test]
fn a_future_that_wakes_itself_is_polled_again() {
    host::play(json!(null), []);
    let mut rounds = 0;
    let output = play(|_| {
        std::future::poll_fn(move |cx| {
            rounds += 1;
            cx.waker().wake_by_ref();
            if rounds == 3 { Poll::Ready(Ok(Value::from(rounds))) } else { Poll::Pending }
        })
    });
    assert_eq!(output, Ok(json!(3)));
}
