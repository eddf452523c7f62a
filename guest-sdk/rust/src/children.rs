//! Many futures of one type, of which only those that were woken are polled.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

pub(crate) struct Children<F> {
    /// `None` once it is done.
    futures: Vec<Option<Pin<Box<F>>>>,
    wakers: Vec<Waker>,
    bell: Arc<Bell>,
    unfinished: usize,
}

/// Who was woken, and whom to tell.
#[derive(Default)]
struct Bell(Mutex<Rung>);

#[derive(Default)]
struct Rung {
    children: VecDeque<usize>,
    parent: Option<Waker>,
}

struct ChildWaker {
    index: usize,
    bell: Arc<Bell>,
}

impl Bell {
    fn lock(&self) -> MutexGuard<'_, Rung> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for ChildWaker {
    fn wake(self: Arc<Self>) {
        let parent = {
            let mut rung = self.bell.lock();
            rung.children.push_back(self.index);
            rung.parent.take()
        };
        if let Some(parent) = parent {
            parent.wake();
        }
    }
}

impl<F: Future> Children<F> {
    pub(crate) fn new(futures: impl IntoIterator<Item = F>) -> Self {
        let futures: Vec<_> = futures.into_iter().map(|future| Some(Box::pin(future))).collect();
        let bell = Arc::new(Bell::default());
        bell.lock().children.extend(0..futures.len());
        let waker = |index| Waker::from(Arc::new(ChildWaker { index, bell: bell.clone() }));
        let wakers = (0..futures.len()).map(waker).collect();
        Self { unfinished: futures.len(), futures, wakers, bell }
    }

    /// An empty place for each child's result.
    pub(crate) fn places<T>(&self) -> Vec<Option<T>> {
        self.futures.iter().map(|_| None).collect()
    }

    /// The next one that is done, with its index; `None` when all are.
    pub(crate) async fn next(&mut self) -> Option<(usize, F::Output)> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<(usize, F::Output)>> {
        self.bell.lock().parent = Some(cx.waker().clone());
        while self.unfinished > 0 {
            let Some(index) = self.bell.lock().children.pop_front() else {
                return Poll::Pending;
            };
            let Some(future) = &mut self.futures[index] else { continue };
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&self.wakers[index])) {
                self.futures[index] = None;
                self.unfinished -= 1;
                return Poll::Ready(Some((index, output)));
            }
        }
        Poll::Ready(None)
    }
}
