//! How a turn leaves the execution: it goes on, begins anew, or ends.

use super::{Mode, Orchestration};
use crate::by::By;
use crate::error::Failure;
use crate::event::Event;
use crate::history::TurnRecord;
use crate::payload::Payload;
use crate::replay::Mismatch;
use crate::rules::Rules;
use crate::status::RuntimeStatus;
use crate::turn::{TurnEnd, TurnOutcome, Untaken, failed_output};

/// How a turn leaves the execution.
pub(super) struct Ended {
    pub(super) status: RuntimeStatus,
    pub(super) output: Option<Payload>,
    pub(super) failure: Option<Failure>,
    pub(super) next_execution: Option<TurnRecord>,
}

impl Ended {
    fn of(status: RuntimeStatus, output: Option<Payload>) -> Self {
        Self { status, output, failure: None, next_execution: None }
    }
}

impl Orchestration {
    /// The turn that ends the instance at once, without asking the guest.
    pub fn terminate(at_ms: u64, reason: String, recursive: bool, by: Option<By>) -> TurnOutcome {
        let output = Payload::string(&reason);
        let ends_children = recursive.then(|| reason.clone());
        let record = TurnRecord::new(at_ms, vec![Event::ExecutionTerminated { reason, recursive, by }]);
        TurnOutcome { ends_children, ..Self::final_outcome(record, RuntimeStatus::Terminated, output, None) }
    }

    /// The turn that ends the instance as Failed, without asking the guest. Only that it failed is recorded.
    pub fn fail(at_ms: u64, orchestrator: &str, failure: Failure) -> TurnOutcome {
        let output = failed_output(orchestrator, &failure);
        let record = TurnRecord::new(at_ms, vec![Event::ExecutionFailed { failure: failure.clone() }]);
        Self::final_outcome(record, RuntimeStatus::Failed, output, Some(failure))
    }

    fn final_outcome(
        record: TurnRecord,
        status: RuntimeStatus,
        output: Payload,
        failure: Option<Failure>,
    ) -> TurnOutcome {
        TurnOutcome {
            inbox_done: None,
            untaken: Untaken::default(),
            record,
            status,
            output: Some(output),
            failure,
            next_execution: None,
            wake_at_ms: None,
            has_open_activities: false,
            activities: Vec::new(),
            sends: Vec::new(),
            ends_children: None,
        }
    }

    pub(super) fn conclude(&mut self, end: TurnEnd) -> Result<Ended, Box<Mismatch>> {
        let broke_off = matches!(end, TurnEnd::Faulted(_));
        let (event, ended) = match end {
            TurnEnd::Parked if self.suspended => return Ok(Ended::of(RuntimeStatus::Suspended, None)),
            TurnEnd::Parked => return Ok(Ended::of(RuntimeStatus::Running, None)),
            TurnEnd::Returned(Ok(output)) => match self.continue_with.clone() {
                Some((input, keep_events)) => self.begin_anew(input, keep_events),
                None => self.completed(output),
            },
            TurnEnd::Returned(Err(failure)) => self.failed(failure),
            TurnEnd::Faulted(failure) => {
                // The commands of a turn that broke off half way were never meant to stand alone.
                self.turn.events.truncate(self.turn.arrivals);
                self.turn.sends.clear();
                self.failed(failure)
            }
        };
        let seq = self.next_seq;
        if let Mode::Replaying(expected) = &mut self.turn.mode {
            match self.turn.unrecorded.take().filter(|_| !broke_off) {
                Some((index, found)) => expected.check(index, seq, &found)?,
                None => expected.check(self.tasks.commands(), seq, &event)?,
            }
        }
        self.turn.events.push(event);
        Ok(ended)
    }

    /// The end of this execution and the opening of the next one.
    fn begin_anew(&self, input: Payload, keep_events: bool) -> (Event, Ended) {
        let mut events =
            vec![Event::ExecutionStarted { name: self.name.clone(), input: input.clone(), rules: Rules::CURRENT }];
        if keep_events {
            events.extend(self.tasks.kept_events());
        }
        let opening = TurnRecord::new(self.turn.at_ms, events);
        let ended = Ended { next_execution: Some(opening), ..Ended::of(RuntimeStatus::Running, None) };
        (Event::ExecutionContinuedAsNew { input, keep_events }, ended)
    }

    fn completed(&self, output: Payload) -> (Event, Ended) {
        if self.is_limited()
            && let Err(error) = output.check(self.limits.payload_depth)
        {
            return self.failed(Failure::new("not-json", format!("the output of the orchestrator is {error}")));
        }
        if self.is_limited() && output.len_bytes() > self.limits.payload_bytes {
            return self.failed(self.too_large("output of the orchestrator", &output).into_failure());
        }
        let ended = Ended::of(RuntimeStatus::Completed, Some(output.clone()));
        (Event::ExecutionCompleted { output }, ended)
    }

    fn failed(&self, failure: Failure) -> (Event, Ended) {
        let failure = failure.bounded(self.limits.payload_bytes);
        // One that the guest has passed on as it was.
        let failure = match self.failed_activities.get(&failure.mark()) {
            Some(activity) => failure.of_activity(activity),
            None => failure,
        };
        let output = failed_output(&self.name, &failure);
        let ended = Ended { failure: Some(failure.clone()), ..Ended::of(RuntimeStatus::Failed, Some(output)) };
        (Event::ExecutionFailed { failure }, ended)
    }
}
