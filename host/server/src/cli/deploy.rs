//! `dacapo deploy`: makes components known to the server.

use super::Session;
use super::exit::{CliError, Exit};
use super::modules::Version;
use super::output;
use serde_json::value::RawValue;
use std::path::{Path, PathBuf};

/// Deploy components: new starts take the newest version, running instances stay on theirs.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Components.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The module's name; only with one file. Default: the file's name without its extension.
    #[arg(long)]
    name: Option<String>,
}

pub(crate) async fn run(args: Args, session: &Session) -> Result<Exit, CliError> {
    if args.name.is_some() && args.files.len() > 1 {
        return Err(CliError::new(Exit::Usage, "--name names one module; deploy the files one by one"));
    }
    let mut deployed: Vec<Box<RawValue>> = vec![];
    for file in &args.files {
        match deploy(file, args.name.as_deref(), session).await {
            Ok(version) => deployed.push(version),
            Err(error) => {
                // What was deployed before stays deployed.
                show(&deployed, session)?;
                return Err(error.of(&file.display().to_string()));
            }
        }
    }
    show(&deployed, session)?;
    Ok(Exit::Done)
}

async fn deploy(file: &Path, name: Option<&str>, session: &Session) -> Result<Box<RawValue>, CliError> {
    let stem = || file.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let name = name.map(str::to_owned).or_else(stem).unwrap_or_default();
    let component = std::fs::read(file)?;
    let url = session.api.own(&["modules", &name]);
    let reply = session.api.send(session.api.put(url, component)).await?;
    reply.accepted("this server takes no modules: is it a Dacapo?")?.parse()
}

fn show(deployed: &[Box<RawValue>], session: &Session) -> Result<(), CliError> {
    let versions: Vec<Version> = deployed.iter().map(|json| Version::parse(json)).collect::<Result<_, _>>()?;
    if versions.is_empty() {
        return Ok(());
    }
    session.output.many(deployed, || output::table(Version::HEADER, versions.iter().map(Version::row).collect()))
}

#[cfg(test)]
mod tests {
    use crate::cli::api::{Api, server_url};
    use crate::cli::exit::Exit;
    use crate::cli::output::{Format, Output};
    use crate::cli::{Cli, Session, call};
    use clap::Parser as _;

    async fn run(args: &[&str]) -> Exit {
        let cli = Cli::try_parse_from([&["dacapo", "deploy"], args].concat()).expect("valid");
        let api = Api::new(server_url("127.0.0.1:1").expect("a server")).expect("a client");
        let session = Session { api, output: Output::new(Format::Table) };
        call(cli.command, &session).await.expect_err("cannot work").exit()
    }

    #[tokio::test]
    async fn one_name_is_for_one_file() {
        assert_eq!(run(&["a.wasm", "b.wasm", "--name", "x"]).await, Exit::Usage);
    }

    #[tokio::test]
    async fn a_file_that_is_not_there_is_an_error() {
        assert_eq!(run(&["/no/such/file.wasm"]).await, Exit::Error);
    }
}
