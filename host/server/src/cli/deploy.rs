//! `dacapo deploy`: makes components known to the server.

use super::Session;
use super::exit::{CliError, Exit};
use super::modules::Version;
use super::output;
use crate::project::Project;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::path::{Path, PathBuf};

/// Deploy components: new starts take the newest version, running instances stay on theirs.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Components, or folders of projects, which stand for what `dacapo build` has made of them.
    #[arg(value_name = "FILE", default_value = ".")]
    files: Vec<PathBuf>,
    /// The module's name; only with one file. Default: the file's name without its extension.
    #[arg(long)]
    name: Option<String>,
    /// Deploy nothing: play the open instances of the module on each build, and say which would not go on with it.
    #[arg(long)]
    check: bool,
    /// Check at most so many instances.
    #[arg(long, value_name = "N", requires = "check")]
    sample: Option<u32>,
}

/// What a check has found.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Check {
    name: String,
    checked: usize,
    diverging: usize,
    instances: Vec<Diverging>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Diverging {
    instance_id: String,
    reason: String,
}

pub(crate) async fn run(mut args: Args, session: &Session) -> Result<Exit, CliError> {
    if args.name.is_some() && args.files.len() > 1 {
        return Err(CliError::new(Exit::Usage, "--name names one module; deploy the files one by one"));
    }
    args.files = args.files.into_iter().map(component).collect::<Result<_, _>>()?;
    if args.check {
        return check(&args, session).await;
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

/// The file that is meant.
fn component(path: PathBuf) -> Result<PathBuf, CliError> {
    if !path.is_dir() {
        return Ok(path);
    }
    let file = Project::find(&path)?.output();
    match file.exists() {
        true => Ok(file),
        false => Err(CliError::error(format!("{} is not there: `dacapo build` makes it", file.display()))),
    }
}

/// The module's name: the one that was given, or the file's.
fn module_name(file: &Path, name: Option<&str>) -> String {
    let stem = || file.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    name.map(str::to_owned).or_else(stem).unwrap_or_default()
}

/// Checks each file; a conflict where any instance would not go on.
async fn check(args: &Args, session: &Session) -> Result<Exit, CliError> {
    let query: Vec<_> = args.sample.iter().map(|sample| ("sample", sample.to_string())).collect();
    let mut exit = Exit::Done;
    for file in &args.files {
        let name = module_name(file, args.name.as_deref());
        let url = session.api.own_with(&["modules", &name, "check"], &query);
        let reply = session.api.send(session.api.post_component(url, std::fs::read(file)?)).await?;
        let reply = reply.accepted("this server checks no modules: is it a Dacapo of this version?");
        let reply = reply.map_err(|error| error.of(&file.display().to_string()))?;
        let found: Check = reply.parse()?;
        session.output.one(&reply.body, || found.lines())?;
        if found.diverging > 0 {
            exit = Exit::Conflict;
        }
    }
    Ok(exit)
}

impl Check {
    fn lines(&self) -> String {
        let Self { name, checked, diverging, instances } = self;
        if *diverging == 0 {
            return format!("{name}: all of {checked} open instances would go on");
        }
        let rows = instances.iter().map(|one| vec![one.instance_id.clone(), one.reason.clone()]).collect();
        let table = output::table(&["INSTANCE", "WHY IT WOULD NOT GO ON"], rows);
        format!("{name}: {diverging} of {checked} open instances would not go on\n{table}")
    }
}

async fn deploy(file: &Path, name: Option<&str>, session: &Session) -> Result<Box<RawValue>, CliError> {
    let name = module_name(file, name);
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
