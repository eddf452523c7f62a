//! Drives a flow from its first line to its last: poll what was woken, then park in the host.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll, Wake, Waker};

use crate::flow::Flow;

/// Set when the flow has to be polled: at first, and when one of its tasks is done.
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Relaxed);
    }
}

/// Runs `future` to its end. The guest is at rest only inside [`Flow::park`].
pub(crate) fn run<F: Future>(flow: &Flow, future: F) -> F::Output {
    let mut future = pin!(future);
    let woken = Arc::new(Woken(AtomicBool::new(true)));
    let waker = Waker::from(woken.clone());
    let mut cx = Context::from_waker(&waker);
    loop {
        if woken.0.swap(false, Relaxed) {
            if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
                return output;
            }
        } else if !flow.park() {
            panic!(
                "orchestrator {} awaits a future that nothing will ever finish. Only what its Context returns, and combinations \
                 of that, can be awaited in an orchestrator; channels, timers and sockets of other crates belong into an activity.",
                flow.name
            );
        }
    }
}
