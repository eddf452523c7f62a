//! What an HTTP server allows: one route with nothing behind it, in a process of its own as the program has.

use anyhow::{Context as _, Result};
use axum::Router;
use axum::http::header;
use axum::routing::get;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

/// Makes this program serve the route.
pub(crate) const ARGUMENT: &str = "bare-route";

/// About what a status looks like.
const BODY: &str = r#"{"name":"Park","instanceId":"p1","runtimeStatus":"Running","input":null,"customStatus":"waiting","output":null,"createdTime":"2026-01-31T12:34:56Z","lastUpdatedTime":"2026-01-31T12:34:56Z"}"#;

/// Serves the route until the process is killed.
pub(crate) fn serve() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        let listener = axum::serve::ListenerExt::tap_io(listener, |stream| {
            let _ = stream.set_nodelay(true);
        });
        let answer = async || ([(header::CONTENT_TYPE, "application/json; charset=utf-8")], BODY);
        axum::serve(listener, Router::new().route("/instances/{id}", get(answer))).await?;
        Ok(())
    })
}

/// The route, served by a process of its own. Killed when dropped.
pub(crate) struct Bare {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Bare {
    pub(crate) fn start() -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?).arg(ARGUMENT).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("its output is piped")?).read_line(&mut line)?;
        let address = line.trim().parse().with_context(|| format!("it printed {line:?}"))?;
        Ok(Self { child, address })
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
