//! `dacapo check-store`: looks through a data folder that no server has open.

use super::exit::{CliError, Exit};
use super::output::{self, Format, Output};
use dacapo_store::sqlite::{self, Report};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Look through a data folder that no server has open, and say what in it is damaged. Writes nothing.
///
/// Each checksum, record, inbox, timer and module is looked at. Exit code 0: all is as it must be. 1: it is not, or the
/// folder cannot be looked through.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The folder that `dacapo serve --data` was given, or a backup.
    #[arg(value_name = "DIR")]
    data: PathBuf,
}

pub(crate) fn run(args: Args, format: Format) -> Result<Exit, CliError> {
    let report = sqlite::check(&args.data).map_err(|error| CliError::error(error.to_string()))?;
    Output::new(format).one(&as_json(&report).to_string(), || for_people(&report))?;
    Ok(if report.is_sound() { Exit::Done } else { Exit::Error })
}

fn for_people(report: &Report) -> String {
    let mut lines = Vec::new();
    if !report.findings.is_empty() {
        let rows = report.findings.iter().map(|found| vec![found.place.clone(), found.what.clone()]).collect();
        lines.push(output::table(&["WHERE", "WHAT"], rows));
    }
    let shown = report.findings.len() as u64;
    if report.found > shown {
        lines.push(format!("and {} more", report.found - shown));
    }
    lines.push(format!(
        "{} instances ({} unfinished), {} records, {} inbox entries, {} components: {}",
        report.instances,
        report.unfinished,
        report.records,
        report.entries,
        report.components,
        if report.is_sound() { "sound".to_owned() } else { format!("{} findings", report.found) },
    ));
    if report.schema_version < report.newest_version {
        lines.push(format!(
            "only its pages were looked at: it has schema version {}; `dacapo serve` upgrades it to {}",
            report.schema_version, report.newest_version
        ));
    }
    lines.join("\n")
}

fn as_json(report: &Report) -> Value {
    let findings: Vec<Value> =
        report.findings.iter().map(|found| json!({ "where": found.place, "what": found.what })).collect();
    json!({
        "sound": report.is_sound(), "storeId": report.store_id, "schemaVersion": report.schema_version,
        "newestSchemaVersion": report.newest_version, "instances": report.instances, "unfinished": report.unfinished,
        "records": report.records, "inboxEntries": report.entries, "components": report.components,
        "found": report.found, "findings": findings,
    })
}
