//! Steps that can be taken back: what undoes them is remembered, and done in reverse order when a later one fails.

use std::cell::RefCell;

use serde::Serialize;
use serde_json::Value;

use crate::context::Context;
use crate::decode::encode;
use crate::error::Result;
use crate::options::{ActivityOptions, Retry};

/// Remembers what takes back the steps of a flow that have been done.
///
/// ```no_run
/// use dacapo::prelude::*;
///
/// #[orchestrator]
/// async fn book_trip(ctx: Context, trip: Value) -> Result<()> {
///     let saga = Saga::new(&ctx);
///     let book = async {
///         ctx.call_activity::<()>("BookFlight", &trip).await?;
///         saga.undo_by("CancelFlight", &trip)?;
///         ctx.call_activity::<()>("BookHotel", &trip).await
///     };
///     let booked: Result<()> = book.await;
///     if booked.is_err() {
///         saga.compensate(Retry::attempts(10)).await?;
///     }
///     booked
/// }
/// # fn main() {}
/// ```
#[must_use = "a saga takes back nothing until it is told to compensate"]
pub struct Saga<'a> {
    ctx: &'a Context,
    undo: RefCell<Vec<(String, Value)>>,
}

impl<'a> Saga<'a> {
    /// Nothing has been done yet.
    pub fn new(ctx: &'a Context) -> Self {
        Self { ctx, undo: RefCell::default() }
    }

    /// A step has just been done, and calling this activity with this input takes it back.
    ///
    /// Fails when the input cannot be written as JSON.
    pub fn undo_by(&self, activity: &str, input: impl Serialize) -> Result<()> {
        let input = serde_json::from_str(&encode(&input, "the input of a compensation")?)?;
        self.undo.borrow_mut().push((activity.to_owned(), input));
        Ok(())
    }

    /// Takes everything back, the last step first, each with these retries. What cannot be taken back ends it: the rest
    /// is left as it is, and the failure says so.
    pub async fn compensate(self, retry: Retry) -> Result<()> {
        for (activity, input) in self.undo.into_inner().into_iter().rev() {
            let options = ActivityOptions::new().retry(retry.clone());
            self.ctx.call_activity_with::<Value>(&activity, input, options).await?;
        }
        Ok(())
    }
}
