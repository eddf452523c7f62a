//! Many requests over so many connections, each with one under way.

use crate::figures::quantile_ms;
use crate::http::Connection;
use anyhow::Result;
use std::cell::RefCell;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How long a load took as a whole, and each of its requests.
pub(crate) struct Took {
    all: Duration,
    latencies: Vec<Duration>,
}

impl Took {
    pub(crate) fn count(&self) -> usize {
        self.latencies.len()
    }

    pub(crate) fn per_second(&self) -> f64 {
        self.count() as f64 / self.all.as_secs_f64()
    }

    /// The latency that this share of the requests kept below, in milliseconds.
    pub(crate) fn quantile_ms(&self, share: f64) -> f64 {
        quantile_ms(self.latencies.clone(), share)
    }
}

/// Opens connections to `address`.
pub(crate) async fn open(address: SocketAddr, count: usize) -> Result<Vec<Connection>> {
    futures::future::try_join_all((0..count).map(|_| Connection::open(address))).await
}

/// Sends what `requests` gives until there is no more, and wants the code `wanted` of every answer.
pub(crate) async fn send(
    connections: &mut [Connection],
    wanted: u16,
    requests: impl Iterator<Item = Vec<u8>>,
) -> Result<Took> {
    let (requests, latencies) = (RefCell::new(requests), RefCell::new(Vec::new()));
    let begun = Instant::now();
    let work = connections.iter_mut().map(async |connection| {
        loop {
            let Some(request) = requests.borrow_mut().next() else { return anyhow::Ok(()) };
            let sent = Instant::now();
            connection.call(&request, wanted).await?;
            latencies.borrow_mut().push(sent.elapsed());
        }
    });
    futures::future::try_join_all(work).await?;
    Ok(Took { all: begun.elapsed(), latencies: latencies.into_inner() })
}

/// What `make` makes, for so long.
pub(crate) fn during<T>(time: Duration, mut make: impl FnMut() -> T) -> impl Iterator<Item = T> {
    let end = Instant::now() + time;
    std::iter::from_fn(move || (Instant::now() < end).then(&mut make))
}
