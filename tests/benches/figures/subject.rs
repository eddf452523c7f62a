//! The program that is measured, in its own process.

use crate::http::{self, Connection};
use crate::load;
use anyhow::{Context as _, Result};
use dacapo_tests::program::Program;
use dacapo_tests::server::sample;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long to wait between two looks at whether all is done.
const LOOK: Duration = Duration::from_millis(5);

/// A running `dacapo`.
pub(crate) struct Subject {
    program: Program,
    address: SocketAddr,
    /// From the start of the process until it was ready.
    pub(crate) ready: Duration,
}

impl Subject {
    pub(crate) fn serve(data: &Path, args: &[&str]) -> Result<Self> {
        let begun = Instant::now();
        let program = Program::serve(data, args)?;
        let ready = begun.elapsed();
        let address = program.url.strip_prefix("http://").context("a URL")?.parse()?;
        Ok(Self { program, address, ready })
    }

    /// With the module of workloads deployed.
    pub(crate) async fn with_workloads(data: &Path, args: &[&str]) -> Result<Self> {
        let subject = Self::serve(data, args)?;
        subject.deploy("Workloads", &sample("Workloads")).await?;
        Ok(subject)
    }

    /// Deploys a file as `name`; how long that took.
    pub(crate) async fn deploy(&self, name: &str, file: &Path) -> Result<Duration> {
        let module = std::fs::read(file)
            .with_context(|| format!("{}: run `cargo xtask samples` and `cargo xtask languages`", file.display()))?;
        let request = http::request("PUT", &format!("/api/modules/{name}"), &module);
        let begun = Instant::now();
        self.connection().await?.call(&request, 201).await?;
        Ok(begun.elapsed())
    }

    pub(crate) async fn connection(&self) -> Result<Connection> {
        Connection::open(self.address).await
    }

    pub(crate) async fn connections(&self, count: usize) -> Result<Vec<Connection>> {
        load::open(self.address, count).await
    }

    /// Waits until no instance has one of these statuses.
    pub(crate) async fn until_none(&self, statuses: &str) -> Result<()> {
        let (mut connection, request) = (self.connection().await?, http::any_with(statuses));
        while connection.call(&request, 200).await? != b"[]" {
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// A line of `/proc/PID/status`, in KiB.
    pub(crate) fn memory_kib(&self, line: &str) -> Result<f64> {
        self.kib("status", line)
    }

    /// Memory that is shared with nobody and was written to, in KiB.
    pub(crate) fn private_dirty_kib(&self) -> Result<f64> {
        self.kib("smaps_rollup", "Private_Dirty")
    }

    fn kib(&self, file: &str, line: &str) -> Result<f64> {
        let text = std::fs::read_to_string(format!("/proc/{}/{file}", self.program.pid()))?;
        let value = text.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(':'));
        let value = value.with_context(|| format!("no {line}"))?;
        Ok(value.trim().trim_end_matches(" kB").parse()?)
    }

    /// CPU used so far.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.program.pid()))?;
        let after_name = text.rsplit_once(')').context("a name in brackets")?.1;
        let ticks = |at| -> Result<u64> { Ok(after_name.split_whitespace().nth(at).context("a field")?.parse()?) };
        // In the kernel's unit for its users, of which a second has 100.
        Ok(Duration::from_millis(10 * (ticks(11)? + ticks(12)?)))
    }

    /// What each of so many things took of the CPU used since `before`, in microseconds.
    pub(crate) fn cpu_us_each(&self, before: Duration, count: usize) -> Result<f64> {
        Ok((self.cpu()? - before).as_secs_f64() * 1e6 / count as f64)
    }

    pub(crate) fn kill(self) -> Result<()> {
        self.program.kill()
    }
}

/// What a folder's files hold, in bytes.
pub(crate) fn folder_bytes(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let metadata = entry?.metadata()?;
        bytes += if metadata.is_file() { metadata.len() } else { 0 };
    }
    Ok(bytes)
}
