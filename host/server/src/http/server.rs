//! The loop that accepts connections, with its bounds and its end.

use super::{Stopping, answer};
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

/// How long the head of a request may take; an idle connection is closed after as long.
const HEADER_TIME: Duration = Duration::from_secs(10);
/// How often a silent HTTP/2 peer is asked whether it is still there.
const PING_INTERVAL: Duration = Duration::from_secs(20);
/// How long to wait after accepting failed: most likely for want of file descriptors.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);
/// Requests at the same time on one HTTP/2 connection.
const STREAMS_PER_CONNECTION: u32 = 128;

/// What the loop is bounded by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Connections at the same time; further ones wait in the operating system's queue.
    pub(crate) connections: usize,
    /// How long requests under way may take once the server stops.
    pub(crate) patience: Duration,
}

/// Serves until `stopping`; then no connection is accepted and those that are open finish their requests.
/// Whether all of them did.
pub(crate) async fn run(listener: TcpListener, router: Router, bounds: Bounds, stopping: Stopping) -> bool {
    let slots = Arc::new(Semaphore::new(bounds.connections));
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    loop {
        let (stream, peer, slot) = tokio::select! {
            accepted = accept(&listener, &slots) => accepted,
            () = stopping.begun() => break,
        };
        while connections.try_join_next().is_some() {}
        connections.spawn(serve(stream, peer, router.clone(), graceful.watcher(), slot));
    }
    drop(listener);
    let finish = async {
        graceful.shutdown().await;
        while connections.join_next().await.is_some() {}
    };
    tokio::time::timeout(bounds.patience, finish).await.is_ok()
}

async fn accept(listener: &TcpListener, slots: &Arc<Semaphore>) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
    let slot = slots.clone().acquire_owned().await.expect("the semaphore is never closed");
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, peer, slot),
            Err(error) => {
                tracing::warn!(%error, "could not accept a connection");
                tokio::time::sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}

async fn serve(stream: TcpStream, peer: SocketAddr, router: Router, watcher: Watcher, slot: OwnedSemaphorePermit) {
    // Replies are written whole; waiting for more to send would only delay them. Without it they still arrive.
    let _ = stream.set_nodelay(true);
    let begun = Arc::new(AtomicBool::new(false));
    let first = begun.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        first.store(true, Ordering::Relaxed);
        let answered = answer(router.clone(), request.map(Body::new), peer);
        async move { Ok::<_, Infallible>(answered.await) }
    });
    let builder = builder();
    let connection = watcher.watch(builder.serve_connection(TokioIo::new(stream), service).into_owned());
    tokio::pin!(connection);
    // While the protocol is not known yet, the builder's own timeouts do not run.
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = tokio::time::sleep(HEADER_TIME) => match begun.load(Ordering::Relaxed) {
            true => connection.await,
            false => Ok(()),
        },
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "a connection broke off");
    }
    drop(slot);
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIME);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(HEADER_TIME)
        .max_concurrent_streams(STREAMS_PER_CONNECTION);
    builder
}
