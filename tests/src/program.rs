//! The `dacapo` program as a process of its own, for tests that kill it.

use anyhow::{Context as _, Result, ensure};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

/// A running `dacapo serve`. Killed when dropped.
pub struct Program {
    child: Child,
    /// `http://127.0.0.1:PORT`
    pub url: String,
}

impl Program {
    /// Serves `data` on a free port, with further `args`; returns when it is ready.
    pub fn serve(data: &Path, args: &[&str]) -> Result<Program> {
        Self::serve_with(data, args, &[], Stdio::inherit())
    }

    /// As [`Program::serve`], with variables added to its environment, and its log to somewhere else. What does not get
    /// ready is ended.
    pub fn serve_with(data: &Path, args: &[&str], environment: &[(&str, String)], log: Stdio) -> Result<Program> {
        let mut child = Command::new(dacapo()?)
            .arg("serve")
            .arg("--data")
            .arg(data)
            .args(["--listen", "127.0.0.1:0"])
            .args(args)
            .env("DACAPO_LOG", "error")
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()?;
        let stdout = child.stdout.take().context("its output is piped")?;
        let mut program = Program { child, url: String::new() };
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        line.trim()
            .strip_prefix("listening on ")
            .with_context(|| format!("it printed {line:?}"))?
            .clone_into(&mut program.url);
        Ok(program)
    }

    /// Waits until it ends by itself; how it did.
    pub fn wait(mut self) -> Result<ExitStatus> {
        Ok(self.child.wait()?)
    }

    /// A line of its memory in `/proc`, in MiB: `VmRSS`, say.
    pub fn memory_mib(&self, line: &str) -> Result<usize> {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.pid()))?;
        let value = text.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(':'));
        let kib: usize = value.with_context(|| format!("no {line}"))?.trim().trim_end_matches(" kB").parse()?;
        Ok(kib / 1_024)
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to stop, by SIGTERM; how it ended.
    pub fn stop(mut self) -> Result<ExitStatus> {
        let asked = Command::new("kill").arg(self.pid().to_string()).status()?;
        ensure!(asked.success(), "there is no process to stop");
        Ok(self.child.wait()?)
    }

    /// `kill -9`: it gets no chance to do anything.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program: `DACAPO_BIN`, or the one that was built beside this test.
pub fn dacapo() -> Result<PathBuf> {
    if let Some(named) = std::env::var_os("DACAPO_BIN") {
        return Ok(named.into());
    }
    let test = std::env::current_exe()?;
    let beside = test.parent().and_then(Path::parent).context("tests lie in target/PROFILE/deps")?.join("dacapo");
    beside.exists().then_some(beside).context("the dacapo program is not built: run `cargo build -p dacapo-server`")
}
