//! The tasks of one execution: what is in flight, what is done, in which order.

use super::watched::Watched;
use crate::by::By;
use crate::error::{Failure, GuestFault};
use crate::event::Event;
use crate::ids::{TaskId, fold_name};
use crate::payload::Payload;
use crate::retry::RetryPolicy;
use crate::rules::Rules;
use crate::turn::{ActivityCall, ChildStart, Untaken};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

type Outcome = Result<Payload, Failure>;

#[derive(Debug)]
enum Task {
    /// A command that nobody can wait for.
    Unawaitable,
    /// An activity or a child at work.
    Call(Box<Call>),
    /// An attempt of it has failed, or has begun what is not done yet; it runs again when its time comes.
    Again {
        call: Box<Call>,
        fire_at_ms: u64,
    },
    Timer {
        fire_at_ms: u64,
    },
    /// Waits for an event of this folded name. `looked_in`: the last turn in which the guest looked at it and then
    /// parked; 0 where it never did.
    Event {
        name: String,
        looked_in: u64,
    },
    Done(Done),
    Taken,
    Cancelled,
}

/// Done as the n-th of all.
#[derive(Debug)]
struct Done {
    order: u64,
    outcome: Outcome,
    /// The event that it took, so that cancelling gives it back.
    event: Option<Raised>,
    /// The call whose attempt has failed, as long as its policy may ask for another one.
    call: Option<Box<Call>>,
    returned: bool,
}

/// What can be tried again.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) what: Callee,
    pub(super) retry: Option<RetryPolicy>,
    pub(super) called_at_ms: u64,
    pub(super) attempt: u32,
}

#[derive(Clone, Debug)]
pub(super) enum Callee {
    Activity(ActivityCall),
    Child(ChildStart),
}

impl Call {
    fn task(&self) -> TaskId {
        match &self.what {
            Callee::Activity(call) => call.task,
            Callee::Child(start) => start.task,
        }
    }
}

/// An event that was raised, and which one it was of all.
#[derive(Debug)]
struct Raised {
    folded: String,
    number: u64,
    name: String,
    by: Option<By>,
}

/// All tasks of an execution, by command number.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    tasks: Vec<Task>,
    done: u64,
    watched: Watched,
    timers: BTreeSet<(u64, TaskId)>,
    /// At work: activities, and children.
    activities: BTreeSet<TaskId>,
    children: BTreeSet<TaskId>,
    /// Waits for events, by folded name: those first that the guest has looked at last, and of these the oldest.
    waiting: BTreeMap<String, BTreeSet<(Reverse<u64>, TaskId)>>,
    /// Events that nothing has taken, by folded name and by their number of all that were raised, with their data.
    buffered: BTreeMap<String, BTreeMap<u64, (Raised, Payload)>>,
    raised: u64,
    untaken: Untaken,
    rules: Rules,
    /// The turn that is played.
    turn: u64,
}

impl Tasks {
    pub(super) fn new(rules: Rules) -> Self {
        Self { rules, ..Self::default() }
    }

    /// From now on what the guest looks at, it looks at in this turn.
    pub(super) fn begin_turn(&mut self, seq: u64) {
        // By the first rules the oldest wait comes first, looked at or not.
        self.turn = if self.rules.is_first() { 0 } else { seq };
    }

    /// How many commands there are: the number of the next one.
    pub(super) fn commands(&self) -> u32 {
        u32::try_from(self.tasks.len()).expect("the history limit is far below 2^32 commands")
    }

    /// Counts a command; its task, if it has one, is added next.
    pub(super) fn next_command(&mut self) -> TaskId {
        let task = TaskId(self.commands());
        self.tasks.push(Task::Unawaitable);
        task
    }

    pub(super) fn add_call(&mut self, call: Call) {
        let task = call.task();
        match &call.what {
            Callee::Activity(_) => self.activities.insert(task),
            Callee::Child(_) => self.children.insert(task),
        };
        self.set(task, Task::Call(Box::new(call)));
    }

    pub(super) fn add_timer(&mut self, task: TaskId, fire_at_ms: u64) {
        self.timers.insert((fire_at_ms, task));
        self.set(task, Task::Timer { fire_at_ms });
    }

    /// Whether it is done at once, with an event that had come before.
    pub(super) fn add_event_wait(&mut self, task: TaskId, name: &str) -> bool {
        let name = fold_name(name);
        match self.buffered.get_mut(&name).and_then(BTreeMap::pop_first) {
            Some((_, (event, data))) => {
                self.untaken.events -= 1;
                self.untaken.bytes -= data.len_bytes() as u64;
                self.finish(task, Ok(data), Some(event), None);
                true
            }
            None => {
                self.waiting.entry(name.clone()).or_default().insert((Reverse(0), task));
                self.set(task, Task::Event { name, looked_in: 0 });
                false
            }
        }
    }

    /// The guest has parked and looks at the task: an event is for what it looks at, not for a wait that it has left.
    fn look_at(&mut self, task: TaskId) {
        let turn = self.turn;
        let Some(Task::Event { name, looked_in }) = self.tasks.get_mut(task.0 as usize) else { return };
        if *looked_in == turn {
            return;
        }
        if let Some(waits) = self.waiting.get_mut(name) {
            waits.remove(&(Reverse(*looked_in), task));
            waits.insert((Reverse(turn), task));
        }
        *looked_in = turn;
    }

    /// That a run has come to something counts if it is the one that is at work. The error says why it does not.
    pub(super) fn check_run(&self, task: TaskId, run: u32) -> Result<(), String> {
        match self.get(task) {
            Some(Task::Call(call)) => match &call.what {
                Callee::Activity(activity) if activity.run != run => {
                    Err(format!("it is of run {run} of task {task}, and run {} is at work", activity.run))
                }
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// Takes in what arrived; a call whose next attempt starts with it is returned. The error says why it cannot have
    /// arrived: live, such an arrival is dropped.
    pub(super) fn arrive(&mut self, event: &Event) -> Result<Option<Callee>, String> {
        match event {
            Event::TaskCompleted { task, result } => self.activity_done(*task, Ok(result.clone()))?,
            Event::TaskFailed { task, failure } => self.activity_done(*task, Err(failure.clone()))?,
            Event::ChildCompleted { task, result } => self.child_done(*task, Ok(result.clone()))?,
            Event::ChildFailed { task, failure } => self.child_done(*task, Err(failure.clone()))?,
            Event::RetryScheduled { task, attempt, fire_at_ms } => self.retry(*task, *attempt, *fire_at_ms)?,
            Event::PollScheduled { task, input, fire_at_ms } => self.poll_later(*task, input, *fire_at_ms)?,
            Event::TimerFired { task } => return self.timer_fired(*task),
            Event::EventRaised { name, data, by } => {
                self.raised += 1;
                let (folded, number) = (fold_name(name), self.raised);
                let event = Raised { folded, number, name: name.clone(), by: by.clone() };
                self.give_event(event, data.clone());
            }
            other => return Err(format!("{other:?} cannot arrive within an execution")),
        }
        Ok(None)
    }

    fn activity_done(&mut self, task: TaskId, outcome: Outcome) -> Result<(), String> {
        if !self.activities.remove(&task) {
            return Err(format!("task {task} is not an activity in flight"));
        }
        self.call_done(task, outcome);
        Ok(())
    }

    fn child_done(&mut self, task: TaskId, outcome: Outcome) -> Result<(), String> {
        if !self.children.remove(&task) {
            return Err(format!("task {task} is not a child that is waited for"));
        }
        self.call_done(task, outcome);
        Ok(())
    }

    fn call_done(&mut self, task: TaskId, outcome: Outcome) {
        let call = match self.tasks.get_mut(task.0 as usize).map(|slot| std::mem::replace(slot, Task::Taken)) {
            Some(Task::Call(call)) => Some(call),
            _ => None,
        };
        let outcome = outcome.map_err(|failure| match call.as_ref().map(|call| &call.what) {
            Some(Callee::Activity(call)) => failure.of_activity(&call.name),
            _ => failure,
        });
        // Kept where it may be tried again.
        let call = call.filter(|call| outcome.is_err() && call.retry.is_some());
        self.finish(task, outcome, None, call);
    }

    /// When the call of `task`, whose attempt has just failed, is to be tried again: the number and time of the attempt.
    pub(super) fn next_attempt(&self, task: TaskId, now_ms: u64) -> Option<(u32, u64)> {
        let Some(Task::Done(Done { outcome: Err(failure), call: Some(call), .. })) = self.get(task) else {
            return None;
        };
        let at_ms = call.retry.as_ref()?.next_attempt(call.attempt, failure, call.called_at_ms, now_ms)?;
        Some((call.attempt + 1, at_ms))
    }

    fn retry(&mut self, task: TaskId, attempt: u32, fire_at_ms: u64) -> Result<(), String> {
        let Some(Task::Done(Done { call, order, .. })) = self.tasks.get_mut(task.0 as usize) else {
            return Err(format!("task {task} has not failed"));
        };
        let Some(mut call) = call.take() else { return Err(format!("task {task} has no retry policy")) };
        self.watched.reopened(*order);
        call.attempt = attempt;
        if let Callee::Activity(activity) = &mut call.what {
            activity.attempt = attempt;
        }
        self.timers.insert((fire_at_ms, task));
        self.set(task, Task::Again { call, fire_at_ms });
        Ok(())
    }

    /// The next run is asked `input`, and so is a retry of it: what was begun is not begun again.
    fn poll_later(&mut self, task: TaskId, input: &Payload, fire_at_ms: u64) -> Result<(), String> {
        if !self.activities.remove(&task) {
            return Err(format!("task {task} is not an activity in flight"));
        }
        let slot = self.tasks.get_mut(task.0 as usize).map(|slot| std::mem::replace(slot, Task::Taken));
        let Some(Task::Call(mut call)) = slot else { return Err(format!("task {task} is not at work")) };
        if let Callee::Activity(activity) = &mut call.what {
            activity.input = input.clone();
        }
        self.timers.insert((fire_at_ms, task));
        self.set(task, Task::Again { call, fire_at_ms });
        Ok(())
    }

    fn timer_fired(&mut self, task: TaskId) -> Result<Option<Callee>, String> {
        match self.get(task) {
            Some(Task::Timer { fire_at_ms }) => {
                self.timers.remove(&(*fire_at_ms, task));
                self.finish(task, Ok(Payload::null()), None, None);
                Ok(None)
            }
            Some(Task::Again { call, fire_at_ms }) => {
                let mut call = (**call).clone();
                if let Callee::Activity(activity) = &mut call.what {
                    activity.run += 1;
                }
                self.timers.remove(&(*fire_at_ms, task));
                let what = call.what.clone();
                self.add_call(call);
                Ok(Some(what))
            }
            _ => Err(format!("task {task} is not an armed timer")),
        }
    }

    /// To the first that waits for it, or into the buffer, in the order in which events were raised.
    fn give_event(&mut self, event: Raised, data: Payload) {
        match self.waiting.get_mut(&event.folded).and_then(BTreeSet::pop_first) {
            Some((_, task)) => self.finish(task, Ok(data), Some(event), None),
            None => {
                self.untaken.events += 1;
                self.untaken.bytes += data.len_bytes() as u64;
                self.buffered.entry(event.folded.clone()).or_default().insert(event.number, (event, data));
            }
        }
    }

    fn finish(&mut self, task: TaskId, outcome: Outcome, event: Option<Raised>, call: Option<Box<Call>>) {
        self.done += 1;
        self.watched.finished(task, self.done);
        self.set(task, Task::Done(Done { order: self.done, outcome, event, call, returned: false }));
    }

    pub(super) fn can_cancel(&self, task: TaskId) -> bool {
        match self.get(task) {
            Some(Task::Call(_) | Task::Again { .. } | Task::Timer { .. } | Task::Event { .. } | Task::Done(_)) => true,
            Some(Task::Unawaitable | Task::Taken | Task::Cancelled) | None => false,
        }
    }

    /// Stops waiting. An event that the task had already taken goes back to where it was.
    pub(super) fn cancel(&mut self, task: TaskId) {
        self.watched.remove(task, self.done_as(task));
        let Some(slot) = self.tasks.get_mut(task.0 as usize) else { return };
        match std::mem::replace(slot, Task::Cancelled) {
            Task::Call(_) => {
                self.activities.remove(&task);
                self.children.remove(&task);
            }
            Task::Timer { fire_at_ms } | Task::Again { fire_at_ms, .. } => {
                self.timers.remove(&(fire_at_ms, task));
            }
            Task::Event { name, looked_in } => {
                if let Some(waits) = self.waiting.get_mut(&name) {
                    waits.remove(&(Reverse(looked_in), task));
                }
            }
            Task::Done(Done { outcome: Ok(data), event: Some(event), .. }) => self.give_event(event, data),
            Task::Done(_) | Task::Unawaitable | Task::Taken | Task::Cancelled => {}
        }
    }

    /// How many events nothing has taken.
    pub(super) fn untaken(&self) -> Untaken {
        self.untaken
    }

    /// Events that nothing has consumed, in the order in which they were raised.
    pub(super) fn kept_events(&self) -> Vec<Event> {
        let buffered = self.buffered.values().flat_map(BTreeMap::values).map(|(event, data)| (event, data));
        let given = self.tasks.iter().filter_map(|task| match task {
            Task::Done(Done { outcome: Ok(data), event: Some(event), .. }) => Some((event, data)),
            _ => None,
        });
        let mut kept: Vec<_> = buffered.chain(given).collect();
        kept.sort_unstable_by_key(|(event, _)| event.number);
        let raised = |(event, data): (&Raised, &Payload)| Event::EventRaised {
            name: event.name.clone(),
            data: data.clone(),
            by: event.by.clone(),
        };
        kept.into_iter().map(raised).collect()
    }

    /// Of `tasks`, the position of the one that was done first.
    pub(super) fn poll_any(&mut self, tasks: &[TaskId]) -> Result<Option<usize>, GuestFault> {
        if tasks.is_empty() {
            return Err(GuestFault::AwaitNothing);
        }
        let mut first: Option<(u64, usize)> = None;
        for (position, task) in tasks.iter().enumerate() {
            self.check_awaitable(*task)?;
            if let Some(order) = self.done_as(*task).filter(|order| first.is_none_or(|(best, _)| *order < best)) {
                first = Some((order, position));
            }
        }
        let Some((_, position)) = first else {
            tasks.iter().for_each(|task| self.look_at(*task));
            return Ok(None);
        };
        self.set_returned(tasks[position]);
        Ok(Some(position))
    }

    /// From now on `poll_next` waits for it too, and answers `key` for it.
    pub(super) fn watch(&mut self, task: TaskId, key: u32) -> Result<(), GuestFault> {
        self.check_awaitable(task)?;
        self.watched.add(task, key, self.done_as(task));
        Ok(())
    }

    /// The key of the watched task that was done first.
    pub(super) fn poll_next(&mut self) -> Result<Option<u32>, GuestFault> {
        if self.watched.is_empty() {
            return Err(GuestFault::NothingWatched);
        }
        let Some((task, key)) = self.watched.next() else {
            let looked_at: Vec<TaskId> = self.watched.fresh().collect();
            looked_at.into_iter().for_each(|task| self.look_at(task));
            return Ok(None);
        };
        self.set_returned(task);
        Ok(Some(key))
    }

    fn check_awaitable(&self, task: TaskId) -> Result<(), GuestFault> {
        match self.get(task) {
            Some(Task::Taken) => Err(GuestFault::AwaitTaken(task)),
            Some(Task::Cancelled) => Err(GuestFault::AwaitCancelled(task)),
            _ => Ok(()),
        }
    }

    /// As the how-manieth of all it was done, if it is.
    fn done_as(&self, task: TaskId) -> Option<u64> {
        match self.get(task) {
            Some(Task::Done(Done { order, .. })) => Some(*order),
            _ => None,
        }
    }

    fn set_returned(&mut self, task: TaskId) {
        if let Some(Task::Done(Done { returned, .. })) = self.tasks.get_mut(task.0 as usize) {
            *returned = true;
        }
    }

    /// Takes the outcome of a task that `poll_any` or `poll_next` returned.
    pub(super) fn take(&mut self, task: TaskId) -> Result<Outcome, GuestFault> {
        match self.get(task) {
            Some(Task::Done(Done { returned: true, .. })) => {}
            Some(Task::Taken) => return Err(GuestFault::OutcomeTwice(task)),
            _ => return Err(GuestFault::OutcomeEarly(task)),
        }
        self.watched.remove(task, self.done_as(task));
        match std::mem::replace(&mut self.tasks[task.0 as usize], Task::Taken) {
            Task::Done(done) => Ok(done.outcome),
            other => unreachable!("checked above to be done: {other:?}"),
        }
    }

    pub(super) fn due_timers(&self, now_ms: u64) -> Vec<TaskId> {
        self.timers.iter().take_while(|(at_ms, _)| *at_ms <= now_ms).map(|(_, task)| *task).collect()
    }

    pub(super) fn next_timer(&self) -> Option<u64> {
        self.timers.first().map(|(at_ms, _)| *at_ms)
    }

    pub(super) fn has_open_activities(&self) -> bool {
        !self.activities.is_empty()
    }

    pub(super) fn open_activities(&self) -> impl Iterator<Item = ActivityCall> + '_ {
        self.activities.iter().filter_map(|task| match self.get(*task) {
            Some(Task::Call(call)) => match &call.what {
                Callee::Activity(call) => Some(call.clone()),
                Callee::Child(_) => None,
            },
            _ => None,
        })
    }

    pub(super) fn open_children(&self) -> impl Iterator<Item = ChildStart> + '_ {
        self.children.iter().filter_map(|task| match self.get(*task) {
            Some(Task::Call(call)) => match &call.what {
                Callee::Child(start) => Some(start.clone()),
                Callee::Activity(_) => None,
            },
            _ => None,
        })
    }

    fn get(&self, task: TaskId) -> Option<&Task> {
        self.tasks.get(task.0 as usize)
    }

    fn set(&mut self, task: TaskId, state: Task) {
        self.tasks[task.0 as usize] = state;
    }
}
