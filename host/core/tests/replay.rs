//! Any history that was produced live replays to the same commands and state, and any single change is noticed.

mod script;

use dacapo_core::orchestration::Stop;
use dacapo_core::replay::Mismatch;
use dacapo_core::{
    ActivityOptions, Arrival, ChildOptions, Event, Failure, Identity, InstanceId, Limits, Orchestration, Payload,
    RetryPolicy, Rules, Source, StoredTurn, TaskId, TurnEnd, TurnOutcome, TurnRecord,
};
use proptest::prelude::*;
use script::{Happening, Op, Open, Player, Waits};

fn open() -> Orchestration {
    let identity = Identity {
        instance_id: InstanceId::parse("i").expect("valid"),
        created_at_ms: 1_000,
        generation: 0,
        key: Some(1),
    };
    let opening = Orchestration::opening("Script", Payload::null(), 1_000);
    Orchestration::open(identity, Limits::default(), opening).expect("opens")
}

fn addressed(event: Event) -> Arrival {
    Arrival { from: Source::History, execution: Some(0), event }
}

/// What a play leaves: the outcome of each turn, what the flow saw, and what is still in flight.
#[derive(Debug, PartialEq)]
struct Played {
    turns: Vec<TurnOutcome>,
    log: Vec<String>,
    in_flight: Vec<dacapo_core::ActivityCall>,
    children: Vec<dacapo_core::ChildStart>,
}

impl Played {
    fn of(turns: Vec<TurnOutcome>, log: Vec<String>, host: &Orchestration) -> Self {
        Self { turns, log, in_flight: host.open_activities().collect(), children: host.open_children().collect() }
    }
}

/// The guest's part of a turn.
fn play(player: &mut Player, host: &mut Orchestration) -> Result<TurnEnd, Stop> {
    if host.is_suspended() { Ok(TurnEnd::Parked) } else { player.play(host) }
}

/// Plays `script` live, with `happenings` between the turns.
fn live(script: &[Op], happenings: &[Happening]) -> Played {
    let (mut orchestration, mut player) = (open(), Player::new(script, Waits::AwaitAny));
    let mut turns = Vec::new();
    let (mut now_ms, mut open_calls) = (1_000, Vec::new());
    let mut arrivals = Vec::new();
    for happening in std::iter::once(&Happening::Nothing).chain(happenings) {
        arrivals.extend(happening.arrivals(&mut now_ms, &open_calls));
        let arrived = std::mem::take(&mut arrivals).into_iter().map(addressed).collect();
        if !orchestration.begin_turn(now_ms, arrived).plays {
            continue;
        }
        let end = play(&mut player, &mut orchestration).expect("a live play is never stopped");
        let outcome = orchestration.finish_turn(end).expect("a live turn matches itself");
        open_calls = Open::of(&orchestration);
        let finished = outcome.status.is_finished() || outcome.next_execution.is_some();
        turns.push(outcome);
        if finished {
            break;
        }
    }
    Played::of(turns, player.log, &orchestration)
}

/// Plays `script` again along `records`.
fn replay(script: &[Op], records: &[TurnRecord]) -> Result<Played, Box<Mismatch>> {
    replay_by(Waits::AwaitAny, script, records)
}

fn replay_by(waits: Waits, script: &[Op], records: &[TurnRecord]) -> Result<Played, Box<Mismatch>> {
    let (mut orchestration, mut player) = (open(), Player::new(script, waits));
    let mut turns = Vec::new();
    for (n, record) in records.iter().enumerate() {
        let turn = StoredTurn { seq: n as u64 + 1, record: record.clone() };
        orchestration.replay_turn(turn).expect("the history is one");
        let end = match play(&mut player, &mut orchestration) {
            Ok(end) => end,
            Err(Stop::Mismatch(_)) => TurnEnd::Parked,
            Err(Stop::Fault(fault)) => panic!("the script keeps the contract: {fault}"),
        };
        turns.push(orchestration.finish_turn(end)?);
    }
    Ok(Played::of(turns, player.log, &orchestration))
}

fn stored(played: &Played) -> Vec<TurnRecord> {
    let through_bytes = |(seq, turn): (usize, &TurnOutcome)| {
        TurnRecord::decode(seq as u64 + 1, &turn.record.encode()).expect("decodes what was encoded")
    };
    played.turns.iter().enumerate().map(through_bytes).collect()
}

fn scripts() -> impl Strategy<Value = Vec<Op>> {
    prop::collection::vec(script::ops(), 1..40)
}

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    prop::collection::vec(script::happenings(), 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_history_replays_to_the_same_turns(script in scripts(), happenings in happenings()) {
        let first = live(&script, &happenings);
        let again = replay(&script, &stored(&first)).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(first, again);
    }

    #[test]
    fn a_flow_that_watches_its_tasks_plays_as_one_that_lists_them(script in scripts(), happenings in happenings()) {
        let listed = live(&script, &happenings);
        let watched = replay_by(Waits::AwaitNext, &script, &stored(&listed));
        prop_assert_eq!(listed, watched.map_err(|error| TestCaseError::fail(error.to_string()))?);
    }

    #[test]
    fn a_history_cut_anywhere_goes_on_live_as_before(
        script in scripts(), happenings in happenings(), cut in any::<prop::sample::Index>(),
    ) {
        let first = live(&script, &happenings);
        let records = stored(&first);
        let cut = cut.index(records.len());
        let again = replay(&script, &records[..cut]).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(&first.turns[..cut], &again.turns[..]);
    }

    #[test]
    fn a_single_changed_command_is_noticed(
        script in scripts(), happenings in happenings(),
        at in any::<prop::sample::Index>(), change in script::changes(),
    ) {
        let first = live(&script, &happenings);
        let records = stored(&first);
        let commands = first.turns.iter().flat_map(|turn| &turn.record.events).filter(|event| !event.is_arrival()).count();
        let Some(changed) = change.apply(&script, commands, at) else { return Ok(()) };
        let noticed = replay(&changed, &records);
        prop_assert!(noticed.is_err(), "{script:?} -> {changed:?} replayed {records:?}");
    }
}

#[test]
fn a_mismatch_leaves_the_text_that_a_person_needs() {
    let script = [Op::Call(1, 1), Op::Call(2, 2), Op::Await];
    let first = live(&script, &[]);
    let swapped = [Op::Call(2, 2), Op::Call(1, 1), Op::Await];
    let text = replay(&swapped, &stored(&first)).expect_err("swapped").to_string();
    for part in ["command 0 (turn 1)", "a call of activity 'A1'", "asked for a call of activity 'A2'", "Likely cause"] {
        assert!(text.contains(part), "{text}");
    }
}

fn open_with(limits: Limits) -> Orchestration {
    let opening = Orchestration::opening("Flow", Payload::null(), 1_000);
    let identity =
        Identity { instance_id: InstanceId::parse("i").expect("valid"), created_at_ms: 1, generation: 0, key: Some(1) };
    Orchestration::open(identity, limits, opening).expect("opens")
}

#[test]
fn limits_that_are_lowered_do_not_stop_what_was_let_through_before() {
    let turn = |host: &mut Orchestration| {
        for n in 0..3 {
            host.call_activity("A".into(), &format!("\"{n} and more\""), ActivityOptions::default())
                .map_err(|stop| stop.to_string())?;
        }
        Ok::<_, String>(())
    };
    let mut host = open_with(Limits::default());
    assert!(host.begin_turn(1_000, vec![]).plays);
    turn(&mut host).expect("allowed");
    let recorded = host.finish_turn(TurnEnd::Parked).expect("live").record;

    let low = Limits {
        commands_per_turn: 1,
        payload_bytes: 1,
        payload_bytes_per_turn: 1,
        payload_depth: 1,
        history_events: 1,
        history_bytes: 1,
        ..Limits::default()
    };
    let mut host = open_with(low.clone());
    host.replay_turn(StoredTurn { seq: 1, record: recorded.clone() }).expect("a history");
    turn(&mut host).expect("let through before");
    assert_eq!(host.finish_turn(TurnEnd::Parked).expect("matches").record, recorded);
    // From here on it is live, and the limits hold.
    let mut host = open_with(low);
    assert!(host.begin_turn(1_000, vec![]).plays);
    assert!(turn(&mut host).expect_err("refused").contains("payload_bytes"));
}

#[test]
fn a_custom_status_that_was_refused_is_refused_again_whatever_the_limit_is_by_then() {
    let turn = |host: &mut Orchestration| {
        let big = format!("\"{}\"", "x".repeat(3_000));
        let told = host.set_custom_status(&big).expect("no trap").map_err(|failure| failure.message);
        let name = if told.is_ok() { "Fine" } else { "Sorry" };
        host.call_activity(name.into(), "1", ActivityOptions::default()).expect("allowed");
        told
    };
    let limits = |custom_status_kib| Limits { custom_status_kib, ..Limits::default() };
    for (live, later) in [(2, 16), (16, 2)] {
        let mut host = open_with(limits(live));
        assert!(host.begin_turn(1_000, vec![]).plays);
        let told = turn(&mut host);
        let outcome = host.finish_turn(TurnEnd::Parked).expect("live");
        assert_eq!(told.is_ok(), live == 16);

        let mut host = open_with(limits(later));
        host.replay_turn(StoredTurn { seq: 1, record: outcome.record.clone() }).expect("a history");
        assert_eq!(turn(&mut host), told);
        assert_eq!(host.finish_turn(TurnEnd::Parked).expect("matches"), outcome);
    }
}

#[test]
fn the_end_of_a_flow_names_the_activity_whose_failure_it_passed_on() {
    let failed_with = |handed: &Failure, returned: Failure| {
        let mut host = open_with(Limits::default());
        assert!(host.begin_turn(1_000, vec![]).plays);
        let task = host.call_activity("Pay".into(), "1", ActivityOptions::default()).expect("allowed");
        host.finish_turn(TurnEnd::Parked).expect("live");
        assert!(host.begin_turn(1_000, vec![addressed(Event::TaskFailed { task, failure: handed.clone() })]).plays);
        assert_eq!(host.poll_any(&[task]).expect("allowed"), Some(0));
        let caught = host.outcome(task).expect("done").expect_err("failed");
        assert_eq!((caught.message.as_str(), caught.activity.as_deref()), ("boom", Some("Pay")));
        let outcome = host.finish_turn(TurnEnd::Returned(Err(returned))).expect("live");
        (outcome.output.expect("an output").to_string(), outcome.failure.expect("a failure").activity)
    };
    let boom = Failure::new("app", "boom");
    let named = "\"Orchestrator function 'Flow' failed: Activity function 'Pay' failed: boom\"";
    assert_eq!(failed_with(&boom, boom.clone()), (named.into(), Some("Pay".into())));
    // Its details may be written anew, and what fails in the flow itself is the flow's.
    let detailed = Failure::detailed("app", "boom", Some(Payload::string("stack")));
    assert_eq!(failed_with(&detailed, boom.clone()).0, named);
    let own = Failure::new("Error", "boom");
    assert_eq!(failed_with(&boom, own), ("\"Orchestrator function 'Flow' failed: boom\"".into(), None));
}

#[test]
fn what_is_not_for_every_reader_is_refused_live_and_goes_on_where_it_was_let_through_before() {
    let half = r#""\ud800""#;
    let play = |host: &mut Orchestration| {
        host.call_activity("A".into(), half, ActivityOptions::default()).map_err(|stop| stop.to_string())
    };
    let mut host = open_with(Limits::default());
    assert!(host.begin_turn(1_000, vec![]).plays);
    let text = play(&mut host).expect_err("refused");
    assert!(text.starts_with("the input of activity 'A' is not I-JSON (RFC 7493): half a surrogate pair"), "{text}");

    let input = Payload::parse(half).expect("json");
    let scheduled =
        Event::TaskScheduled { name: "A".into(), input: input.clone(), options: ActivityOptions::default() };
    let mut host = open_with(Limits::default());
    let record = TurnRecord::new(1_000, vec![scheduled, Event::ExecutionCompleted { output: input.clone() }]);
    host.replay_turn(StoredTurn { seq: 1, record }).expect("a history");
    play(&mut host).expect("let through before");
    host.finish_turn(TurnEnd::Returned(Ok(input.clone()))).expect("matches");

    let mut host = open_with(Limits::default());
    assert!(host.begin_turn(1_000, vec![]).plays);
    let outcome = host.finish_turn(TurnEnd::Returned(Ok(input))).expect("live");
    assert_eq!(outcome.failure.expect("refused").kind, "not-json");
}

#[test]
fn a_turn_of_ten_thousand_calls_of_a_kibibyte_is_within_the_limits_and_survives_its_encoding() {
    let input = Payload::string(&"x".repeat(1_022));
    let mut host = open_with(Limits::default());
    assert!(host.begin_turn(1_000, vec![]).plays);
    for _ in 0..10_000 {
        host.call_activity("A".into(), input.as_str(), ActivityOptions::default()).expect("allowed");
    }
    for _ in 10_000..20_000 {
        host.start_timer(1).expect("allowed");
    }
    let record = host.finish_turn(TurnEnd::Parked).expect("live").record;
    assert_eq!(record.events.len(), 20_000);
    assert_eq!(TurnRecord::decode(1, &record.encode()).expect("decodes"), record);
}

#[test]
fn events_that_cancelled_waits_had_taken_come_back_in_the_order_in_which_they_were_raised() {
    let raised =
        |data: &str| Event::EventRaised { name: "Go".into(), data: Payload::parse(data).expect("json"), by: None };
    for cancel_first in [0, 1] {
        let mut host = open_with(Limits::default());
        assert!(host.begin_turn(1_000, vec![]).plays);
        let waits = [0, 1].map(|_| host.wait_for_event("Go".into()).expect("allowed"));
        host.finish_turn(TurnEnd::Parked).expect("live");
        let arrived = ["1", "2", "3"].map(|data| addressed(raised(data)));
        assert!(host.begin_turn(1_000, arrived.into()).plays);
        host.cancel(waits[cancel_first]).expect("allowed");
        host.cancel(waits[1 - cancel_first]).expect("allowed");
        let seen = [0, 1, 2].map(|_| {
            let wait = host.wait_for_event("gO".into()).expect("allowed");
            assert_eq!(host.poll_any(&[wait]).expect("allowed"), Some(0));
            host.outcome(wait).expect("done").expect("an event").to_string()
        });
        assert_eq!(seen, ["1", "2", "3"]);
    }
}

fn in_flight(host: &Orchestration) -> Vec<TaskId> {
    host.open_activities().map(|call| call.task).collect()
}

fn from_inbox(seq: u64, execution: Option<u32>, event: Event) -> Arrival {
    Arrival { from: Source::Inbox(seq), execution, event }
}

fn child_completed(task: u32) -> Event {
    Event::ChildCompleted { task: TaskId(task), result: Payload::null() }
}

#[test]
fn what_nobody_waits_for_any_more_is_consumed_and_told_why() {
    let mut host = open_with(Limits::default());
    assert!(host.begin_turn(1_000, vec![]).plays);
    let child = host.call_orchestrator("O".into(), "1", None, ChildOptions::default()).expect("allowed");
    host.cancel(child).expect("allowed");
    host.finish_turn(TurnEnd::Parked).expect("live");
    let begun = host.begin_turn(1_000, vec![from_inbox(4, Some(0), child_completed(child.0))]);
    assert_eq!((begun.plays, begun.inbox_done), (false, Some(5)));
    assert!(begun.dropped[0].why.contains("not a child that is waited for"), "{:?}", begun.dropped);

    // Dropped beside something that is taken in, it is consumed with that turn.
    let raised = Event::EventRaised { name: "E".into(), data: Payload::null(), by: None };
    let arrived = vec![from_inbox(5, Some(0), child_completed(child.0)), from_inbox(6, None, raised)];
    assert!(host.begin_turn(1_000, arrived).plays);
    let outcome = host.finish_turn(TurnEnd::Parked).expect("live");
    assert_eq!((outcome.inbox_done, outcome.record.events.len()), (Some(7), 1));
}

#[test]
fn what_is_for_another_execution_is_not_taken_in() {
    let mut host = open_with(Limits::default());
    assert!(host.begin_turn(1_000, vec![]).plays);
    let child = host.call_orchestrator("O".into(), "1", None, ChildOptions::default()).expect("allowed");
    host.finish_turn(TurnEnd::Parked).expect("live");
    let begun = host.begin_turn(1_000, vec![from_inbox(0, Some(1), child_completed(child.0))]);
    assert_eq!((begun.plays, begun.inbox_done), (false, Some(1)));
    assert!(begun.dropped[0].why.contains("for execution 1, and 0 is the current one"), "{:?}", begun.dropped);
    assert!(host.begin_turn(1_000, vec![from_inbox(1, Some(0), child_completed(child.0))]).plays);
}

#[test]
fn a_result_counts_for_the_run_that_came_to_it_alone() {
    let result = |run, value: &str| Arrival {
        from: Source::Activity { run },
        execution: Some(0),
        event: Event::TaskCompleted { task: TaskId(0), result: Payload::string(value) },
    };
    let mut host = open_with(Limits::default());
    assert!(host.begin_turn(1_000, vec![]).plays);
    let options = ActivityOptions { retry: Some(RetryPolicy::every(0, 3)), ..ActivityOptions::default() };
    host.call_activity("A".into(), "1", options).expect("allowed");
    host.finish_turn(TurnEnd::Parked).expect("live");
    let failure = dacapo_core::Failure::new("app", "no");
    let failed = Event::TaskFailed { task: TaskId(0), failure };
    assert!(host.begin_turn(1_000, vec![Arrival { event: failed, ..result(1, "") }]).plays);
    let outcome = host.finish_turn(TurnEnd::Parked).expect("live");
    assert_eq!((outcome.activities[0].attempt, outcome.activities[0].run), (2, 2), "a wait of 0 is over at once");

    let begun = host.begin_turn(1_000, vec![result(1, "late")]);
    assert!(!begun.plays && begun.dropped[0].why.contains("of run 1 of task #0, and run 2 is at work"), "{begun:?}");
    assert_eq!(in_flight(&host), [TaskId(0)]);
    assert!(host.begin_turn(1_000, vec![result(2, "right"), result(2, "twice")]).plays);
    assert_eq!(host.finish_turn(TurnEnd::Parked).expect("live").record.events.len(), 1);
}

/// A flow that sends reminders: it waits anew each time, and leaves the wait before alone.
fn remind(host: &mut Orchestration, waits: &mut Vec<TaskId>) {
    waits.push(host.wait_for_event("Approved".into()).expect("allowed"));
    let timer = host.start_timer(10).expect("allowed");
    assert_eq!(host.poll_any(&[waits[waits.len() - 1], timer]).expect("allowed"), None);
}

fn opened_by(rules: Rules) -> Orchestration {
    let mut opening = Orchestration::opening("Flow", Payload::null(), 1_000);
    if rules.is_first() {
        opening.events = vec![Event::ExecutionStarted { name: "Flow".into(), input: Payload::null(), rules }];
    }
    let instance_id = InstanceId::parse("i").expect("valid");
    let identity = Identity { instance_id, created_at_ms: 1, generation: 0, key: Some(7) };
    Orchestration::open(identity, Limits::default(), opening).expect("opens")
}

#[test]
fn an_event_is_for_the_wait_that_is_looked_at_and_not_for_one_that_was_left() {
    for (rules, served) in [(Rules::CURRENT, 2), (Rules::FIRST, 0)] {
        let (mut host, mut waits) = (opened_by(rules), Vec::new());
        for n in 0..3 {
            assert!(host.begin_turn(1_000 + 10 * n, vec![]).plays);
            remind(&mut host, &mut waits);
            host.finish_turn(TurnEnd::Parked).expect("live");
        }
        let approved = Event::EventRaised { name: "approved".into(), data: Payload::null(), by: None };
        assert!(host.begin_turn(1_020, vec![addressed(approved)]).plays);
        let done = [0, 1, 2].map(|n| host.poll_any(&[waits[n]]).expect("allowed").is_some());
        assert_eq!(done.iter().position(|done| *done), Some(served), "{rules:?}: {done:?}");
    }
}

#[test]
fn of_waits_that_are_looked_at_alike_the_oldest_is_served_and_one_that_is_not_looked_at_is_not() {
    for (looked_at, served) in [(&[0, 1][..], 0), (&[1][..], 1), (&[0][..], 0)] {
        for by_list in [true, false] {
            let mut host = opened_by(Rules::CURRENT);
            assert!(host.begin_turn(1_000, vec![]).plays);
            let waits = [0, 1].map(|_| host.wait_for_event("E".into()).expect("allowed"));
            let looked_at: Vec<TaskId> = looked_at.iter().map(|n| waits[*n]).collect();
            match by_list {
                true => assert_eq!(host.poll_any(&looked_at).expect("allowed"), None),
                false => {
                    looked_at.iter().for_each(|wait| host.watch(*wait, wait.0).expect("allowed"));
                    assert_eq!(host.poll_next().expect("allowed"), None);
                }
            }
            host.finish_turn(TurnEnd::Parked).expect("live");
            let event = Event::EventRaised { name: "E".into(), data: Payload::null(), by: None };
            assert!(host.begin_turn(1_000, vec![addressed(event)]).plays);
            assert_eq!(host.poll_any(&[waits[served]]).expect("allowed"), Some(0), "{looked_at:?}, list: {by_list}");
        }
    }
}

#[test]
fn what_has_come_is_taken_one_by_one_whatever_a_turn_may_command() {
    let limits = Limits { commands_per_turn: 3, ..Limits::default() };
    let mut host = open_with(limits);
    let events = (0..50).map(|_| Event::EventRaised { name: "E".into(), data: Payload::null(), by: None });
    assert!(host.begin_turn(1_000, events.map(addressed).collect()).plays);
    for _ in 0..50 {
        let wait = host.wait_for_event("E".into()).expect("there is one");
        assert_eq!(host.poll_any(&[wait]).expect("allowed"), Some(0));
        host.outcome(wait).expect("done").expect("an event");
    }
    for _ in 0..3 {
        host.start_timer(1).expect("allowed");
    }
    assert!(host.start_timer(1).expect_err("too many").to_string().contains("commands_per_turn"));
}

#[test]
fn a_clock_that_was_wrong_is_not_believed_for_longer_than_a_minute() {
    let at = |host: &mut Orchestration, now_ms| {
        host.begin_turn(
            now_ms,
            vec![addressed(Event::EventRaised { name: "E".into(), data: Payload::null(), by: None })],
        );
        let at_ms = host.now_ms();
        host.finish_turn(TurnEnd::Parked).expect("live");
        at_ms
    };
    let mut host = open_with(Limits::default());
    assert_eq!(at(&mut host, 5_000_000), 5_000_000);
    assert_eq!(at(&mut host, 4_990_000), 5_000_000, "time does not run backwards");
    assert_eq!(at(&mut host, 1_000), 61_000, "it had been wrong");
}
