//! `dacapo new`: a project that builds at once.

use super::exit::{CliError, Exit};
use super::output;
use crate::project::{Language, template};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use std::path::PathBuf;

/// Make a project: an orchestrator with an activity and a test, and the SDK it needs. Needs no network.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The project's name, and its folder's: lower-case letters, digits and hyphens.
    name: String,
    /// What it is written in.
    #[arg(long, short, value_parser = languages())]
    language: Language,
}

/// Reads the name of a language, and lists them in the help.
fn languages() -> impl TypedValueParser<Value = Language> {
    let find = |name: String| Language::ALL.into_iter().find(|language| language.as_str() == name);
    let names = PossibleValuesParser::new(Language::ALL.map(Language::as_str));
    names.try_map(move |name| find(name).ok_or("there is no such language"))
}

pub(crate) fn run(args: Args) -> Result<Exit, CliError> {
    template::write(&PathBuf::from(&args.name), &args.name, args.language)?;
    let Args { name, .. } = args;
    output::print(&format!(
        "made {name}; go on with\n  cd {name}\n  dacapo build\n  dacapo deploy    # or dacapo dev, which does it all"
    ))?;
    Ok(Exit::Done)
}
