//! Futures, and whichever is done first.

use crate::children::Children;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

/// One of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Either<L, R> {
    /// The first one won.
    Left(L),
    /// The second one won.
    Right(R),
}

/// Waits for whichever is done first, and drops the other, which cancels a task: an event that it would have taken stays
/// for the next wait. Pass `&mut task` to keep the loser.
///
/// ```no_run
/// # use dacapo::prelude::*;
/// # async fn flow(ctx: Context) -> Result<&'static str> {
/// match race(ctx.wait_for_event::<bool>("Approved"), ctx.wait_for_event::<()>("Withdrawn")).await {
///     Either::Left(approved) => Ok(if approved? { "go ahead" } else { "refused" }),
///     Either::Right(_) => Ok("never mind"),
/// }
/// # }
/// ```
pub async fn race<A: Future, B: Future>(a: A, b: B) -> Either<A::Output, B::Output> {
    let (mut a, mut b) = (pin!(a), pin!(b));
    poll_fn(|cx| match a.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Either::Left(output)),
        Poll::Pending => b.as_mut().poll(cx).map(Either::Right),
    })
    .await
}

/// Waits for the first of them to be done: its index, and what it returned. The others are dropped, unless they are only
/// lent. Of none, it waits for ever.
///
/// ```no_run
/// # use dacapo::prelude::*;
/// # async fn flow(ctx: Context) -> Result<()> {
/// let offers = ["ann", "bob"].map(|who| ctx.call_activity::<u32>("AskForOffer", who));
/// let (who, offer) = race_all(offers).await;
/// # Ok(())
/// # }
/// ```
// Not an `async fn`: the iterator must run at the call, since it is what issues the commands.
pub fn race_all<I>(futures: I) -> impl Future<Output = (usize, <I::Item as Future>::Output)>
where
    I: IntoIterator,
    I::Item: Future,
{
    let mut children = Children::new(futures);
    async move {
        match children.next().await {
            Some(first) => first,
            None => std::future::pending().await,
        }
    }
}
