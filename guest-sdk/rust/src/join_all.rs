//! Any number of futures of one type, all of them.

use crate::children::Children;

/// Waits for all of them; the outputs are in the order of the futures, whatever the order they were done in.
///
/// ```no_run
/// # use dacapo::prelude::*;
/// # async fn flow(ctx: Context) -> Result<usize> {
/// let sent = join_all(["a@x.org", "b@x.org"].map(|to| ctx.call_activity::<()>("SendMail", to))).await;
/// Ok(sent.iter().filter(|result| result.is_ok()).count())
/// # }
/// ```
// Not an `async fn`: the iterator must run at the call, since it is what issues the commands.
pub fn join_all<I>(futures: I) -> impl Future<Output = Vec<<I::Item as Future>::Output>>
where
    I: IntoIterator,
    I::Item: Future,
{
    let mut children = Children::new(futures);
    async move {
        let mut outputs = children.places();
        while let Some((index, output)) = children.next().await {
            outputs[index] = Some(output);
        }
        outputs.into_iter().flatten().collect()
    }
}

/// Waits for all of them to succeed, or for the first one that fails; the rest is dropped then.
///
/// ```no_run
/// # use dacapo::prelude::*;
/// # async fn flow(ctx: Context) -> Result<u32> {
/// let prices = try_join_all((1..=3).map(|room| ctx.call_activity::<u32>("PriceOf", room))).await?;
/// Ok(prices.iter().sum())
/// # }
/// ```
pub fn try_join_all<I, T, E>(futures: I) -> impl Future<Output = Result<Vec<T>, E>>
where
    I: IntoIterator,
    I::Item: Future<Output = Result<T, E>>,
{
    let mut children = Children::new(futures);
    async move {
        let mut outputs = children.places();
        while let Some((index, output)) = children.next().await {
            outputs[index] = Some(output?);
        }
        Ok(outputs.into_iter().flatten().collect())
    }
}
