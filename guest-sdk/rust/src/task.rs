//! The handle on something in flight, as a future.

use std::marker::PhantomData;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use serde::de::DeserializeOwned;

use crate::decode::{Source, decode};
use crate::error::{Error, Result};
use crate::flow::Flow;
use crate::host;

/// Something in flight: an activity, an event, a timer, a child orchestration.
///
/// The command is issued by the call that returned the task, and not by the first poll; awaiting it only waits.
/// So tasks that are created first and awaited later run side by side:
///
/// ```no_run
/// # use dacapo::prelude::*;
/// # async fn flow(ctx: Context) -> Result<u32> {
/// let flight = ctx.call_activity::<u32>("PriceOfFlight", "Tokyo");
/// let hotel = ctx.call_activity::<u32>("PriceOfHotel", "Tokyo");
/// Ok(flight.await? + hotel.await?)
/// # }
/// ```
///
/// # Dropping
/// A task that is dropped before it is done is cancelled: a timer is disarmed, an event stays buffered for the next wait,
/// and the result of an activity is ignored, though the activity still runs. The loser of a [`race`](crate::race()) is
/// dropped; race `&mut task` to keep it.
#[must_use = "a task that is dropped is cancelled: await it"]
pub struct Task<T> {
    flow: Rc<Flow>,
    source: Source,
    state: State,
    output: PhantomData<fn() -> T>,
}

enum State {
    /// In flight, and nobody has polled it yet.
    Idle(host::Task),
    /// The flow holds the handle, or the outcome, under this key.
    Open(u32),
    /// It could not be started: its input cannot be written as JSON.
    Refused(Error),
    Finished,
}

impl<T> Task<T> {
    pub(crate) fn new(flow: Rc<Flow>, source: Source, started: Result<host::Task>) -> Self {
        let state = started.map_or_else(State::Refused, State::Idle);
        Self { flow, source, state, output: PhantomData }
    }

    /// Stops waiting for it, now. Dropping it does the same, but only when the flow goes on afterwards.
    ///
    /// ```no_run
    /// # use dacapo::prelude::*;
    /// # use std::time::Duration;
    /// # async fn flow(ctx: Context) -> Result<()> {
    /// let reminder = ctx.start_timer(Duration::from_secs(3600));
    /// ctx.wait_for_event::<()>("Paid").await?;
    /// reminder.cancel();
    /// # Ok(())
    /// # }
    /// ```
    pub fn cancel(mut self) {
        if let Some(handle) = self.take_handle() {
            self.flow.command(|| handle.cancel());
        }
    }

    fn take_handle(&mut self) -> Option<host::Task> {
        match std::mem::replace(&mut self.state, State::Finished) {
            State::Idle(handle) => Some(handle),
            State::Open(key) => self.flow.close(key),
            State::Refused(_) | State::Finished => None,
        }
    }
}

impl<T: DeserializeOwned> Future for Task<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = match std::mem::replace(&mut self.state, State::Finished) {
            State::Idle(handle) => {
                self.state = State::Open(self.flow.open(handle, cx.waker().clone()));
                return Poll::Pending;
            }
            State::Open(key) => match self.flow.poll(key, cx.waker()) {
                Some(outcome) => outcome,
                None => {
                    self.state = State::Open(key);
                    return Poll::Pending;
                }
            },
            State::Refused(error) => Err(error),
            State::Finished => panic!("{} was awaited again after it was done", self.source),
        };
        Poll::Ready(outcome.and_then(|json| decode(&json, &self.source)))
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        if let Some(handle) = self.take_handle() {
            self.flow.drop_unfinished(handle);
        }
    }
}
