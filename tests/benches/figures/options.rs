//! What was asked for on the command line.

use anyhow::{Context as _, Result, bail};
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;

/// The workloads that there are.
pub(crate) const ALL: [&str; 9] = ["w1", "w2", "w3", "w4", "w5", "w6", "w8", "w10", "languages"];

/// What to run, and for how long.
pub(crate) struct Options {
    workloads: Vec<String>,
    /// How often each figure is taken; what is shown is the median.
    pub(crate) rounds: usize,
    /// How long a round of a workload without an end of its own takes.
    pub(crate) round: Duration,
    base: Option<PathBuf>,
}

impl Options {
    pub(crate) fn parse(arguments: &[String]) -> Result<Self> {
        let mut options = Self { workloads: Vec::new(), rounds: 3, round: Duration::from_secs(3), base: None };
        let mut left = arguments.iter();
        while let Some(argument) = left.next() {
            let mut value = || left.next().with_context(|| format!("{argument} needs a value"));
            match argument.as_str() {
                "--rounds" => options.rounds = value()?.parse::<usize>()?.clamp(1, 100),
                "--seconds" => options.round = Duration::from_secs_f64(value()?.parse::<f64>()?.clamp(0.1, 600.0)),
                "--dir" => options.base = Some(value()?.into()),
                // Added by cargo.
                "--bench" => {}
                name if ALL.contains(&name) => options.workloads.push(name.to_owned()),
                other => bail!("'{other}' is not one of {}, --rounds N, --seconds S, --dir DIR", ALL.join(", ")),
            }
        }
        Ok(options)
    }

    pub(crate) fn wants(&self, workload: &str) -> bool {
        self.workloads.is_empty() || self.workloads.iter().any(|wanted| wanted == workload)
    }

    /// A folder on the disk that is measured.
    pub(crate) fn folder(&self) -> Result<TempDir> {
        Ok(match &self.base {
            Some(base) => tempfile::tempdir_in(base)?,
            None => tempfile::tempdir()?,
        })
    }
}
