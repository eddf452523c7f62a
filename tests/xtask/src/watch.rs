//! Follows one instance through `dacapo status --watch`.

use crate::server::Server;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

/// How long an instance of the demo may stay silent.
const PATIENCE: Duration = Duration::from_secs(20);

/// A watch under way. Ended when dropped.
pub(crate) struct Watch {
    child: Child,
    lines: Receiver<String>,
    id: String,
}

impl Watch {
    /// Watches `id` from its first status on.
    pub(crate) fn start(server: &Server, id: &str) -> Result<Self> {
        let mut command = server.command(&["status", id, "--watch"]);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("cannot watch")?;
        let output = child.stdout.take().context("the output was piped")?;
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Self { child, lines, id: id.to_owned() })
    }

    /// The next status that was shown.
    pub(crate) fn next(&mut self) -> Result<Value> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => serde_json::from_str(&line).with_context(|| format!("`{line}` is not JSON")),
            Err(mpsc::RecvTimeoutError::Timeout) => {
                bail!("'{}' showed no change for {} s", self.id, PATIENCE.as_secs())
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                bail!("the watch of '{}' ended before the instance did", self.id)
            }
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // It has ended by itself, as a rule; then there is nothing to kill.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
