//! `dacapo build`: from a project to a component that is known to be a module.

use super::exit::{CliError, Exit};
use super::output::Output;
use super::{output, text};
use crate::project::component::{self, Prepared};
use crate::project::{Project, build};
use std::path::PathBuf;

/// Build the project in a folder, in whatever language it is, and check that the result is a module.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The project's folder.
    #[arg(default_value = ".")]
    folder: PathBuf,
}

pub(crate) async fn run(args: Args, output: &Output) -> Result<Exit, CliError> {
    let project = Project::find(&args.folder)?;
    let file = build::build(&project, announce)?;
    let Prepared { version, .. } = component::prepare(&file).await?;
    let json = serde_json::json!({
        "file": file, "sizeBytes": version.size_bytes, "digest": version.digest,
        "orchestrators": version.orchestrators, "activities": version.activities, "imports": version.imports,
    });
    output.one(&json.to_string(), || {
        output::pairs(&[
            ("built", file.display().to_string()),
            ("size", size(version.size_bytes)),
            ("orchestrators", version.orchestrators.join(", ")),
            ("activities", version.activities.join(", ")),
            ("imports", version.imports.join(", ")),
        ])
    })?;
    Ok(Exit::Done)
}

/// Says what is about to be run.
pub(super) fn announce(step: &build::Step) {
    eprintln!("{}", text::one_line(&step.to_string()));
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_048_576 => format!("{:.1} KiB", bytes as f64 / 1_024.0),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}
