//! `dacapo backup`: copies the data folder of a server, which may go on meanwhile.

use super::exit::{CliError, Exit};
use super::output::{Format, Output};
use dacapo_store::sqlite;
use serde_json::json;
use std::path::PathBuf;

/// Copy a data folder, also one that a server has open, and look through the copy.
///
/// The copy holds all that was acknowledged before the command began, and is a data folder itself: `dacapo serve --data`
/// opens it. Compiled modules are not copied; they are compiled anew. Exit code 1: there is no sound copy.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The folder that `dacapo serve --data` was given.
    #[arg(value_name = "DIR")]
    data: PathBuf,
    /// The folder for the copy, made when it is not there; it must be empty.
    #[arg(long, value_name = "FOLDER")]
    to: PathBuf,
}

pub(crate) fn run(args: Args, format: Format) -> Result<Exit, CliError> {
    let Args { data, to } = args;
    sqlite::backup(&data, &to).map_err(|error| CliError::error(error.to_string()))?;
    let report = sqlite::check(&to).map_err(|error| CliError::error(error.to_string()))?;
    if !report.is_sound() {
        let what = format!("the copy in {} is not sound, as the original may not be", to.display());
        return Err(CliError::error(format!("{what}: `dacapo check-store {}` says why", to.display())));
    }
    let said = json!({ "backup": to, "storeId": report.store_id, "instances": report.instances });
    Output::new(format)
        .one(&said.to_string(), || format!("copied {} instances to {}", report.instances, to.display()))?;
    Ok(Exit::Done)
}
