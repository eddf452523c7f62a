//! What earlier versions wrote is still read, and means the same.

use dacapo_core::{
    ActivityOptions, By, ChildOptions, Event, Failure, InstanceId, Payload, RetryPolicy, Rules, TaskId, TurnRecord,
};

/// One record with every kind of event of encoding 1, as bytes that were written when it was current.
const RECORD_V1: &str = include_str!("../../../tests/golden/record-v1.json");

fn json(text: &str) -> Payload {
    Payload::parse(text).expect("json")
}

/// The same record in encoding 2, with what is new in that.
const RECORD_V2: &str = include_str!("../../../tests/golden/record-v2.json");

/// One record with every kind of event that encoding 1 knew.
fn record(encoding: u32) -> TurnRecord {
    let name = "BookingConfirmed".to_owned();
    let details = Some(json(r#"{"left":0}"#));
    let events = vec![
        Event::ExecutionStarted {
            name: "ReserveTicket".into(),
            input: json(r#"{"user" : "ada", "seats": [1, 2.50]}"#),
            rules: Rules::FIRST,
        },
        Event::TaskCompleted { task: TaskId(0), result: json("12") },
        Event::TaskFailed { task: TaskId(1), failure: Failure::detailed("app", "no seats", details) },
        Event::TaskFailed { task: TaskId(2), failure: Failure::new("trap", "it trapped") },
        Event::TimerFired { task: TaskId(3) },
        Event::EventRaised { name: name.clone(), data: Payload::null(), by: None },
        Event::ExecutionTerminated { reason: "enough".into(), recursive: false, by: None },
        Event::TaskScheduled {
            name: "CalculateDiscount".into(),
            input: json(r#""ada""#),
            options: ActivityOptions::default(),
        },
        Event::TimerCreated { fire_at_ms: 1_700_000_060_123 },
        Event::EventAwaited { name },
        Event::TaskCancelled { task: TaskId(3) },
        Event::ExecutionCompleted { output: json("true") },
        Event::ExecutionFailed { failure: Failure::new("error", "it failed") },
    ];
    let custom_status = Some(json(r#"{"left" : 0}"#));
    let events = [events, model_events(), if encoding == 1 { Vec::new() } else { later_events() }].concat();
    TurnRecord { encoding, custom_status, ..TurnRecord::new(1_700_000_000_123, events) }
}

/// What came with the whole model, still in encoding 1.
fn model_events() -> Vec<Event> {
    vec![
        Event::ChildCompleted { task: TaskId(4), result: json("1") },
        Event::ChildFailed { task: TaskId(5), failure: Failure::new("child-failed", "it failed") },
        Event::RetryScheduled { task: TaskId(2), attempt: 2, fire_at_ms: 1_700_000_000_200 },
        Event::PollScheduled { task: TaskId(6), input: json("[3,  4]"), fire_at_ms: 1_700_000_030_123 },
        Event::ExecutionSuspended { reason: "hold on".into(), by: None },
        Event::ExecutionResumed { reason: "go on".into(), by: None },
        Event::ExecutionRewound { reason: "again".into(), from_turn: Some(7), by: None },
        Event::ExecutionRewound { reason: "again".into(), from_turn: None, by: None },
        Event::ExecutionTerminated { reason: "all of you".into(), recursive: true, by: None },
        Event::TaskScheduled {
            name: "Pay".into(),
            input: json("1"),
            options: ActivityOptions {
                retry: Some(RetryPolicy {
                    max_delay_ms: Some(9),
                    give_up_after_ms: Some(99),
                    unless_kinds: vec!["declined".into()],
                    ..RetryPolicy::every(3, 5).with_backoff(1.5).expect("in range")
                }),
                timeout_ms: Some(1_000),
            },
        },
        Event::ChildScheduled {
            name: "Approve".into(),
            input: json("1"),
            instance_id: InstanceId::parse("a:1").expect("valid"),
            options: ChildOptions { retry: Some(RetryPolicy::every(3, 5)), detached: true },
        },
        Event::ChildScheduled {
            name: "Approve".into(),
            input: json("1"),
            instance_id: InstanceId::parse("a:2").expect("valid"),
            options: ChildOptions::default(),
        },
        Event::EventSent {
            instance_id: InstanceId::parse("b").expect("valid"),
            name: "Withdrawn".into(),
            data: json("[1,  2]"),
        },
        Event::CustomStatusRefused { reason: "17 KB".into() },
        Event::ExecutionContinuedAsNew { input: json("2"), keep_events: true },
    ]
}

/// What encoding 2 says besides: by which rules an execution is played, and whose doing an arrival was.
fn later_events() -> Vec<Event> {
    let by = || Some(By::Client);
    let other = By::Instance(InstanceId::parse("b").expect("valid"));
    vec![
        Event::ExecutionStarted { name: "Approve".into(), input: json("1"), rules: Rules::CURRENT },
        Event::EventRaised { name: "Withdrawn".into(), data: json("1"), by: Some(other) },
        Event::ExecutionSuspended { reason: "hold on".into(), by: by() },
        Event::ExecutionResumed { reason: "go on".into(), by: by() },
        Event::ExecutionRewound { reason: "again".into(), from_turn: None, by: by() },
        Event::ExecutionTerminated { reason: "enough".into(), recursive: false, by: by() },
    ]
}

#[test]
fn encoding_1_is_read() {
    let read = TurnRecord::decode(0, RECORD_V1.trim_end().as_bytes()).expect("encoding 1");
    assert_eq!(read, record(1));
}

#[test]
fn encoding_2_is_read() {
    let read = TurnRecord::decode(0, RECORD_V2.trim_end().as_bytes()).expect("encoding 2");
    assert_eq!(read, record(2));
}

/// As long as 2 is the encoding that is written. When there is a 3, this test goes and the one above stays.
#[test]
fn encoding_2_is_written_to_the_byte() {
    assert_eq!(record(2).encoding, TurnRecord::new(0, Vec::new()).encoding);
    assert_eq!(String::from_utf8(record(2).encode()).expect("text"), RECORD_V2.trim_end());
}
