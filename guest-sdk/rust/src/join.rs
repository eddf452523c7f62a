//! A fixed number of futures of different types, all of them.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

/// Waits for all of a tuple of two, three or four futures.
///
/// ```no_run
/// # use dacapo::prelude::*;
/// # async fn flow(ctx: Context) -> Result<String> {
/// let (name, age) = join((
///     ctx.call_activity::<String>("NameOf", 7),
///     ctx.call_activity::<u32>("AgeOf", 7),
/// ))
/// .await;
/// Ok(format!("{}, {}", name?, age?))
/// # }
/// ```
pub async fn join<T: Join>(futures: T) -> T::Outputs {
    futures.join().await
}

/// A tuple that [`join`] takes.
pub trait Join {
    /// What the futures return, in their order.
    type Outputs;

    #[doc(hidden)]
    #[allow(async_fn_in_trait)] // There is one thread: nobody needs the future to be `Send`.
    async fn join(self) -> Self::Outputs;
}

impl<A: Future, B: Future> Join for (A, B) {
    type Outputs = (A::Output, B::Output);

    async fn join(self) -> Self::Outputs {
        let (mut a, mut b) = (pin!(self.0), pin!(self.1));
        let mut done = (None, None);
        poll_fn(|cx| {
            if done.0.is_none()
                && let Poll::Ready(output) = a.as_mut().poll(cx)
            {
                done.0 = Some(output);
            }
            if done.1.is_none()
                && let Poll::Ready(output) = b.as_mut().poll(cx)
            {
                done.1 = Some(output);
            }
            match (done.0.take(), done.1.take()) {
                (Some(a), Some(b)) => Poll::Ready((a, b)),
                unfinished => {
                    done = unfinished;
                    Poll::Pending
                }
            }
        })
        .await
    }
}

impl<A: Future, B: Future, C: Future> Join for (A, B, C) {
    type Outputs = (A::Output, B::Output, C::Output);

    async fn join(self) -> Self::Outputs {
        let (a, b, c) = self;
        let ((a, b), c) = ((a, b).join(), c).join().await;
        (a, b, c)
    }
}

impl<A: Future, B: Future, C: Future, D: Future> Join for (A, B, C, D) {
    type Outputs = (A::Output, B::Output, C::Output, D::Output);

    async fn join(self) -> Self::Outputs {
        let (a, b, c, d) = self;
        let ((a, b), (c, d)) = ((a, b).join(), (c, d).join()).join().await;
        (a, b, c, d)
    }
}
