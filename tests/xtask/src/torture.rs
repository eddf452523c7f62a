//! `cargo xtask torture`: the real program under load, with kills, broken disks and power losses.

use crate::cargo::build;
use crate::process::show;
use crate::step::step;
use crate::{guests, samples, test};
use anyhow::Result;

/// Builds what is missing, and runs the torture with these options. Fails when a promise was broken.
pub(crate) fn run(options: &[&str]) -> Result<()> {
    step("samples", samples::build)?;
    step("guests", guests::build)?;
    step("host", test::host)?;
    let torture = ["run", "--package", "dacapo-tests", "--example", "torture", "--"];
    step("torture", || show(build(&torture).args(options)))
}
