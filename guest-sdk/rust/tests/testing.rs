//! The test kit, as users of the SDK meet it.

use dacapo::prelude::*;
use dacapo::testing::Play;
use std::cell::Cell;
use std::panic::catch_unwind;
use std::time::Duration;

#[activity]
fn say_hello(name: String) -> Result<String> {
    Ok(format!("Hello {name}!"))
}

#[activity]
fn charge(ctx: ActivityContext, _: ()) -> Result<(u32, String)> {
    ctx.report_progress("half")?;
    if ctx.attempt() < 3 { Err(Error::new("busy", "later")) } else { Ok((ctx.attempt(), ctx.idempotency_key())) }
}

#[orchestrator]
async fn greet(ctx: Context, names: Vec<String>) -> Result<Vec<String>> {
    let mut greetings = vec![];
    for name in &names {
        greetings.push(ctx.call_activity("SayHello", name).await?);
        ctx.set_custom_status(name)?;
    }
    Ok(greetings)
}

#[orchestrator]
async fn patient(ctx: Context) -> Result<Value> {
    let retry = Retry::attempts(3).first_delay(Duration::from_secs(10)).backoff(2.0).unless("declined");
    ctx.call_activity_with("Charge", (), ActivityOptions::new().retry(retry)).await
}

#[orchestrator]
async fn hurried(ctx: Context) -> Result<u64> {
    let begun = ctx.now_ms();
    let retry = Retry::attempts(9).first_delay(Duration::from_millis(1)).backoff(1.9);
    let ended = ctx.call_activity_with::<Value>("Never", (), ActivityOptions::new().retry(retry)).await;
    assert!(ended.is_err());
    Ok(ctx.now_ms() - begun)
}

#[orchestrator]
async fn waits(ctx: Context) -> Result<(bool, u64)> {
    let begun = ctx.now_ms();
    let event = ctx.wait_for_event::<bool>("Go");
    let answer = ctx.with_timeout(Duration::from_secs(60), event).await?;
    Ok((answer.unwrap_or(false), ctx.now_ms() - begun))
}

#[orchestrator]
async fn changes_its_mind(ctx: Context) -> Result<[u32; 3]> {
    let both = || (ctx.wait_for_event::<u32>("Go"), ctx.wait_for_event::<u32>("Go"));
    let (mut first, mut second) = both();
    let waits = race(&mut first, &mut second);
    race(waits, ctx.start_timer(Duration::from_secs(1))).await;
    ctx.start_timer(Duration::from_secs(60)).await?;
    drop((first, second));
    let (first, second) = both();
    Ok([first.await?, second.await?, ctx.wait_for_event("Go").await?])
}

#[orchestrator]
async fn everything(ctx: Context) -> Result<Vec<u32>> {
    ctx.raise_event("other", "Ping", ctx.new_uuid())?;
    let child = ctx.call_orchestrator::<u32>("Child", 1);
    let parts = (2..4).map(|n| ctx.call_activity::<u32>("Echo", n));
    let parts = try_join_all(parts);
    let (child, parts) = join((child, parts)).await;
    ctx.continue_as_new("again", BufferedEvents::Keep)?;
    Ok(std::iter::once(child?).chain(parts?).collect())
}

#[orchestrator]
async fn undecided(ctx: Context) -> Result<()> {
    thread_local! {
        static PLAYED: Cell<u32> = const { Cell::new(0) };
    }
    PLAYED.set(PLAYED.get() + 1);
    ctx.call_activity("Count", PLAYED.get()).await
}

#[test]
fn statuses_and_output_are_seen_in_order() {
    let played = Play::of::<greet>().input(["Ada", "Bob"]).own_activity::<say_hello>().run();
    assert_eq!(played.statuses, ["Ada", "Bob"]);
    assert_eq!(played.output, Ok(json!(["Hello Ada!", "Hello Bob!"])));
    assert_eq!(played.commands, ["SayHello(\"Ada\")", "SayHello(\"Bob\")"]);
    assert_eq!(played.took, Duration::ZERO);
}

#[test]
fn attempts_follow_the_policy_in_virtual_time() {
    let played = Play::of::<patient>().own_activity::<charge>().run();
    assert_eq!(played.output, Ok(json!([3, "test#0"])));
    assert_eq!(played.took, Duration::from_secs(30));
    let refused = |kind: &'static str| {
        let play = Play::of::<patient>().activity("charge", move |_: ()| Err::<(), _>(Error::new(kind, "no")));
        play.run().output.expect_err("it fails").kind
    };
    assert_eq!((refused("declined").as_str(), refused("busy").as_str()), ("declined", "busy"));
    let declined = Play::of::<patient>().activity("Charge", |_: ()| Err::<(), _>(Error::new("declined", "no"))).run();
    assert_eq!(declined.took, Duration::ZERO);
}

#[test]
fn small_waits_grow_by_their_factor_as_on_the_server() {
    let never = |_: ()| Err::<(), _>(Error::new("busy", "never"));
    let played = Play::of::<hurried>().activity("Never", never).run();
    assert_eq!(played.output, Ok(json!(1 + 2 + 4 + 7 + 13 + 25 + 47 + 89)));
}

#[test]
fn events_and_timers_race_in_virtual_time() {
    let play = || Play::of::<waits>();
    assert_eq!(play().event("go", true).run().output, Ok(json!([true, 0])));
    let late = play().event_after(Duration::from_secs(30), "Go", true).run();
    assert_eq!((late.output, late.took), (Ok(json!([true, 30_000])), Duration::from_secs(30)));
    assert_eq!(play().event_after(Duration::from_secs(61), "Go", true).run().output, Ok(json!([false, 60_000])));
}

#[test]
fn events_that_came_for_waits_that_were_dropped_stay_for_the_next_ones_in_their_order() {
    let play =
        (1..4).fold(Play::of::<changes_its_mind>(), |play, n| play.event_after(Duration::from_secs(30), "Go", n));
    assert_eq!(play.run().output, Ok(json!([1, 2, 3])));
}

#[test]
fn children_events_and_new_executions_are_seen() {
    let play = Play::of::<everything>().orchestrator("child", |n: u32| Ok(n * 10)).activity("Echo", |n: u32| Ok(n));
    let played = play.instance_id("me").run();
    assert_eq!(played.output, Ok(json!([10, 2, 3])));
    assert_eq!(played.raised[0].0, "other");
    assert_eq!(played.continued, Some((json!("again"), true)));
}

#[test]
fn a_flow_that_is_not_the_same_again_is_noticed() {
    let text = panic_of(|| drop(Play::of::<undecided>().activity("Count", |_: u32| Ok(())).run()));
    assert!(text.contains("not the same when it is played again"), "{text}");
}

#[test]
fn what_a_test_leaves_out_is_named() {
    let text = panic_of(|| drop(Play::of::<greet>().input(["Ada"]).run()));
    assert!(text.contains("activity SayHello") && text.contains("Play::activity"), "{text}");
    let text = panic_of(|| drop(Play::of::<waits_for_ever>().run()));
    assert!(text.contains("waits for event Never") && text.contains("event_after"), "{text}");
}

#[orchestrator]
async fn waits_for_ever(ctx: Context) -> Result<()> {
    ctx.wait_for_event("Never").await
}

fn panic_of(work: impl FnOnce() + std::panic::UnwindSafe) -> String {
    let panic = catch_unwind(work).expect_err("it panics");
    panic
        .downcast_ref::<String>()
        .cloned()
        .or(panic.downcast_ref::<&str>().map(ToString::to_string))
        .unwrap_or_default()
}
