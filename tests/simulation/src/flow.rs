//! Plays a script against an orchestration: a guest that can be resumed, as a parked one can.

use crate::script::{ANEW, INSTANCES, Op, Retry};
use dacapo_core::orchestration::Stop;
use dacapo_core::{ActivityOptions, ChildOptions, Failure, Orchestration, Payload, RetryPolicy, TaskId};
use dacapo_runtime::executor::GuestEnd;
use serde_json::{Value, json};

/// A guest in the middle of its script.
pub(crate) struct Flow {
    /// Its number among the flows.
    number: usize,
    flows: usize,
    script: Vec<Op>,
    at: usize,
    tasks: Vec<TaskId>,
    log: Vec<String>,
}

fn policy(retry: Option<Retry>) -> Option<RetryPolicy> {
    retry.map(|Retry { delay_ms, attempts }| RetryPolicy::every(delay_ms.into(), attempts.into()))
}

/// What a task came to, short enough to be put into what a parent says of a child.
fn short(outcome: &Result<Payload, Failure>) -> String {
    let text = match outcome {
        Ok(value) => value.to_string(),
        Err(failure) => format!("{}: {}", failure.kind, failure.message),
    };
    let digest = dacapo_core::ids::sha256_hex(text.as_bytes());
    text.char_indices().nth(60).map_or(text.clone(), |(at, _)| format!("{}… {}", &text[..at], &digest[..8]))
}

/// The input of a flow, as the one who starts it says it: who that is, and how often it may still begin anew.
pub(crate) fn input_of(by: &str, left: u8) -> Value {
    json!({ "by": by, "left": left })
}

impl Flow {
    pub(crate) fn new(number: usize, flows: &[Vec<Op>]) -> Self {
        let script = flows[number].clone();
        Self { number, flows: flows.len(), script, at: 0, tasks: Vec::new(), log: Vec::new() }
    }

    /// Runs until the flow waits or ends.
    pub(crate) fn play(&mut self, host: &mut Orchestration) -> Result<GuestEnd, Stop> {
        while let Some(op) = self.script.get(self.at).copied() {
            match op {
                Op::Await | Op::Race { .. } if !self.tasks.is_empty() => {
                    let newest = self.tasks.len().saturating_sub(if op == Op::Await { usize::MAX } else { 2 });
                    let Some(position) = host.poll_any(&self.tasks[newest..])? else { return Ok(GuestEnd::Parked) };
                    let task = self.tasks.remove(newest + position);
                    let outcome = host.outcome(task)?;
                    self.log.push(format!("{task} {} at {}", short(&outcome), host.now_ms()));
                    if let Op::Race { cancels } = op {
                        for loser in self.tasks.split_off(newest) {
                            if cancels {
                                host.cancel(loser)?;
                            }
                        }
                    }
                }
                Op::Fail => return Ok(GuestEnd::Returned(Err(Failure::new("app", "by the script")))),
                op => self.command(op, host)?,
            }
            self.at += 1;
        }
        let output = json!({ "input": host.input(), "log": self.log });
        Ok(GuestEnd::Returned(Ok(Payload::of(&output).expect("texts are JSON"))))
    }

    fn command(&mut self, op: Op, host: &mut Orchestration) -> Result<(), Stop> {
        match op {
            Op::Call { name, retry } => {
                let options = ActivityOptions { retry: policy(retry), timeout_ms: None };
                self.tasks.push(host.call_activity(format!("A{name}"), "0", options)?);
            }
            Op::Child { .. } => self.child(op, host)?,
            Op::Send { to, name } => {
                let own = host.identity().instance_id.to_string();
                let to = if to == INSTANCES { own } else { format!("i{to}") };
                let data = json!(format!("{}/{}/{}", host.identity().instance_id, host.identity().generation, self.at));
                host.raise_event(&to, format!("E{name}"), &data.to_string())?;
            }
            Op::Timer(delay_ms) => self.tasks.push(host.start_timer(delay_ms.into())?),
            Op::Wait(name) => self.tasks.push(host.wait_for_event(format!("E{name}"))?),
            Op::Cancel if !self.tasks.is_empty() => host.cancel(self.tasks.remove(0))?,
            Op::CancelNewest => {
                if let Some(task) = self.tasks.pop() {
                    host.cancel(task)?;
                }
            }
            Op::Forget => drop(self.tasks.pop()),
            Op::Status(value) => host.set_custom_status(&value.to_string())?.expect("small"),
            Op::Uuid => self.log.push(host.new_uuid()),
            Op::Anew { keeps } => {
                let input: Value = serde_json::from_str(host.input().as_str()).expect("JSON");
                let left = input["left"].as_u64().and_then(|left| u8::try_from(left).ok()).unwrap_or(ANEW);
                if left > 0 {
                    let by = input["by"].as_str().unwrap_or_default();
                    host.continue_as_new(&input_of(by, left - 1).to_string(), keeps)?;
                }
            }
            Op::Await | Op::Race { .. } | Op::Cancel | Op::Fail => {}
        }
        Ok(())
    }

    fn child(&mut self, op: Op, host: &mut Orchestration) -> Result<(), Stop> {
        let Op::Child { flow, named, detached, retry } = op else { return Ok(()) };
        let below = self.flows - self.number - 1;
        if below == 0 {
            return Ok(());
        }
        let flow = self.number + 1 + usize::from(flow) % below;
        let identity = host.identity().clone();
        let by = format!("{}/{}/{}", identity.instance_id, identity.generation, self.at);
        let id = named.then(|| format!("c{flow}"));
        let options = ChildOptions { retry: policy(retry), detached };
        let input = input_of(&by, ANEW).to_string();
        self.tasks.push(host.call_orchestrator(format!("O{flow}"), &input, id.as_deref(), options)?);
        Ok(())
    }
}
