//! A served Dacapo of one's own, and its command line.

use crate::process;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;
use tempfile::TempDir;

/// How long the server may take to start, and to stop.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running server with a data folder of its own. Stopped when dropped.
pub(crate) struct Server {
    program: PathBuf,
    /// Where it listens, such as `http://127.0.0.1:40123`.
    pub(crate) url: String,
    /// Its process.
    pub(crate) pid: u32,
    ended: Receiver<std::io::Result<ExitStatus>>,
    data: Option<TempDir>,
    running: bool,
}

impl Server {
    /// Serves on a free port and a new data folder; returns when it is ready.
    pub(crate) fn start(program: &Path) -> Result<Self> {
        let data = tempfile::Builder::new().prefix("dacapo-demo-").tempdir().context("cannot make a data folder")?;
        let log = File::create(log_file(data.path())).context("cannot make the server's log")?;
        let mut serve = Command::new(program);
        serve.arg("serve").arg("--data").arg(data.path().join("data")).args(["--listen", "127.0.0.1:0"]);
        // A group of its own: Ctrl-C in the terminal is for this program, which then stops the server or leaves it.
        serve.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).process_group(0);
        let mut child = serve.spawn().with_context(|| format!("cannot run {}", program.display()))?;
        let output = child.stdout.take().context("the output was piped")?;
        let (pid, ended) = (child.id(), wait_in_background(child));
        let mut server =
            Self { program: program.to_owned(), url: String::new(), pid, ended, data: Some(data), running: true };
        match first_line(output) {
            Some(line) => server.url = address(&line)?.to_owned(),
            None => bail!("the server did not start:\n{}", server.log()),
        }
        Ok(server)
    }

    /// A call of the command line, aimed at this server, that prints JSON lines.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["--server", &self.url, "--output", "jsonl"]).args(args);
        command
    }

    /// Runs the command line; what it printed, line by line.
    pub(crate) fn run(&self, args: &[&str]) -> Result<Vec<Value>> {
        let printed = process::capture(&mut self.command(args))?;
        let line = |line: &str| serde_json::from_str(line).with_context(|| format!("`{line}` is not JSON"));
        printed.lines().map(line).collect()
    }

    /// Asks the server to stop, and waits until it has.
    pub(crate) fn stop(mut self) -> Result<()> {
        let status = self.terminate()?;
        if !status.success() {
            bail!("the server ended with {status}:\n{}", self.log());
        }
        Ok(())
    }

    /// Leaves the server running; returns its folder.
    pub(crate) fn keep(mut self) -> Option<PathBuf> {
        self.running = false;
        self.data.take().map(TempDir::keep)
    }

    /// The end of what the server logged.
    pub(crate) fn log(&self) -> String {
        let Some(data) = &self.data else { return String::new() };
        let log = fs::read_to_string(log_file(data.path())).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    fn terminate(&mut self) -> Result<ExitStatus> {
        self.running = false;
        if let Ok(ended) = self.ended.try_recv() {
            return Ok(ended?);
        }
        signal(self.pid, "TERM")?;
        match self.ended.recv_timeout(PATIENCE) {
            Ok(status) => Ok(status?),
            Err(_) => {
                signal(self.pid, "KILL")?;
                bail!("the server did not stop within {} s after SIGTERM:\n{}", PATIENCE.as_secs(), self.log())
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.running
            && let Err(error) = self.terminate()
        {
            eprintln!("{error:#}");
        }
    }
}

fn log_file(dir: &Path) -> PathBuf {
    dir.join("server.log")
}

fn signal(pid: u32, name: &str) -> Result<()> {
    process::show(Command::new("sh").args(["-c", &format!("kill -{name} {pid}")]))
}

fn wait_in_background(mut child: Child) -> Receiver<std::io::Result<ExitStatus>> {
    let (sender, receiver) = mpsc::channel();
    // Nobody listens when the server is left running: then there is nobody to tell.
    thread::spawn(move || sender.send(child.wait()).ok());
    receiver
}

/// The first line, or nothing when the stream ends or stays silent.
fn first_line(stream: impl Read + Send + 'static) -> Option<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut line = String::new();
        let read = BufReader::new(stream).read_line(&mut line);
        sender.send(read.is_ok_and(|bytes| bytes > 0).then_some(line)).ok()
    });
    receiver.recv_timeout(PATIENCE).ok().flatten()
}

fn address(line: &str) -> Result<&str> {
    let address = line.trim_end().strip_prefix("listening on ").filter(|url| url.starts_with("http://"));
    address.with_context(|| format!("the server printed `{}` instead of where it listens", line.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_where_the_server_listens() {
        assert_eq!(address("listening on http://127.0.0.1:7071\n").expect("right"), "http://127.0.0.1:7071");
        address("listening on 7071\n").expect_err("no address");
        address("ready\n").expect_err("another line");
    }

    #[test]
    fn a_stream_that_ends_has_no_first_line() {
        assert_eq!(first_line(std::io::empty()), None);
        assert_eq!(first_line(&b"one\ntwo\n"[..]).as_deref(), Some("one\n"));
    }

    #[test]
    fn a_server_that_ends_at_once_is_an_error_with_its_log() {
        // `sh serve ...` finds no script of that name.
        let Err(error) = Server::start(Path::new("sh")) else { panic!("cannot have started") };
        assert!(error.to_string().contains("open serve"), "{error:#}");
    }
}
