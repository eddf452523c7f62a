//! `dacapo new`, `build` and `dev`: from nothing to a flow that runs, in each language.

use anyhow::{Context as _, Result, ensure};
use dacapo_tests::program::{Program, dacapo};
use dacapo_tests::server::target;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A project in a folder of its own.
struct Project {
    folder: PathBuf,
    _parent: TempDir,
}

/// What a command printed; it must succeed.
fn run(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, errors) = (text(&output.stdout), text(&output.stderr));
    ensure!(output.status.success(), "{command:?} ended with {}:\n{out}\n{errors}", output.status);
    Ok(out)
}

impl Project {
    fn new(language: &str) -> Result<Self> {
        let parent = tempfile::tempdir()?;
        let made =
            run(Command::new(dacapo()?).args(["new", "greeter", "--language", language]).current_dir(parent.path()))?;
        for word in ["cd greeter", "dacapo build", "dacapo deploy"] {
            ensure!(made.contains(word), "it says how to go on: {made}");
        }
        Ok(Self { folder: parent.path().join("greeter"), _parent: parent })
    }

    /// A command in the project. What cargo builds goes where it was built before.
    fn command(&self, program: impl Into<PathBuf>, args: &[&str]) -> Command {
        let mut command = Command::new(program.into());
        command.args(args).current_dir(&self.folder).env("CARGO_TARGET_DIR", target().join("projects"));
        command
    }

    fn build(&self) -> Result<Value> {
        Ok(serde_json::from_str(&run(&mut self.command(dacapo()?, &["build", "-o", "json"]))?)?)
    }
}

/// Plays the flow of a new project, deployed from `module`, to its end.
fn greets(url: &str) -> Result<()> {
    let call = |args: &[&str]| run(Command::new(dacapo()?).args(args).args(["--server", url, "-o", "json"]));
    call(&["start", "GreetAll", "--id", "first", "--input", r#"["Ada", "Bob"]"#])?;
    call(&["raise", "first", "Thanks", r#""welcome""#])?;
    call(&["status", "first", "--watch"])?;
    let end: Value = serde_json::from_str(&call(&["status", "first"])?)?;
    assert_eq!(end["output"], json!({ "greetings": ["Hello Ada!", "Hello Bob!"], "thanks": "welcome" }));
    assert_eq!(end["customStatus"], json!({ "done": 2, "total": 2 }));
    Ok(())
}

fn from_nothing_to_a_flow_that_runs(language: &str, own_tests: &[&str]) -> Result<()> {
    let project = Project::new(language)?;
    let built = project.build()?;
    assert_eq!((&built["orchestrators"], &built["activities"]), (&json!(["GreetAll"]), &json!(["Greet"])));
    ensure!(built["sizeBytes"].as_u64().is_some_and(|bytes| bytes > 10_000), "{built}");
    let (program, args) = own_tests.split_first().context("a command")?;
    let program = if program.contains('/') { project.folder.join(program) } else { PathBuf::from(program) };
    run(&mut project.command(program, args))?;
    let data = tempfile::tempdir()?;
    let server = Program::serve(data.path(), &[])?;
    run(project.command(dacapo()?, &["deploy", "--server"]).arg(&server.url))?;
    greets(&server.url)
}

#[test]
fn rust() -> Result<()> {
    from_nothing_to_a_flow_that_runs("rust", &["cargo", "test"])
}

#[test]
fn javascript() -> Result<()> {
    from_nothing_to_a_flow_that_runs("js", &["npm", "test"])
}

#[test]
fn typescript() -> Result<()> {
    from_nothing_to_a_flow_that_runs("ts", &["npm", "test"])
}

#[test]
fn python() -> Result<()> {
    from_nothing_to_a_flow_that_runs("python", &[".venv/bin/python", "-m", "unittest"])
}

#[test]
fn go() -> Result<()> {
    from_nothing_to_a_flow_that_runs("go", &[".venv/bin/go", "test", "./..."])
}

#[test]
fn c() -> Result<()> {
    const TEST: &str = "S=vendor/guest-sdk/c; .venv/bin/python-zig cc $(cat compile_flags.txt) src/*.c test/*.c \
        $S/dacapo.c $S/dacapo_format.c $S/dacapo_json.c $S/dacapo_testing.c -o build/test && build/test";
    from_nothing_to_a_flow_that_runs("c", &["sh", "-c", TEST])
}

/// Killed when dropped.
struct Dev(Child);

impl Drop for Dev {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The first line that begins so.
fn until(lines: &mut impl Iterator<Item = std::io::Result<String>>, beginning: &str) -> Result<String> {
    for line in lines {
        let line = line?;
        if line.starts_with(beginning) {
            return Ok(line);
        }
    }
    anyhow::bail!("it ended before it said {beginning:?}")
}

fn edit(file: &Path, from: &str, to: &str) -> Result<()> {
    let text = std::fs::read_to_string(file)?;
    ensure!(text.contains(from), "{from:?} is not in {}", file.display());
    Ok(std::fs::write(file, text.replace(from, to))?)
}

#[test]
fn a_server_for_developers_deploys_what_is_saved() -> Result<()> {
    let project = Project::new("js")?;
    let mut command = project.command(dacapo()?, &["dev", "--listen", "127.0.0.1:0"]);
    let mut dev = Dev(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?);
    let mut out = BufReader::new(dev.0.stdout.take().context("it is piped")?).lines();
    let mut errors = BufReader::new(dev.0.stderr.take().context("it is piped")?).lines();
    let url = until(&mut out, "listening on ")?.replace("listening on ", "");
    let first = until(&mut out, "deployed version 1 of 'greeter'")?;
    ensure!(first.contains("GreetAll") && first.contains("Greet"), "{first}");
    greets(&url)?;
    let source = project.folder.join("src/main.js");
    edit(&source, "\"GreetAll\"", "\"GreetEverybody\"")?;
    let second = until(&mut out, "deployed version 2 of 'greeter'")?;
    ensure!(second.contains("GreetEverybody"), "{second}");
    // A mistake is shown, and the server goes on.
    edit(&source, "function*", "fnction*")?;
    until(&mut errors, "not deployed: ")?;
    edit(&source, "fnction*", "function*")?;
    until(&mut out, "deployed version 3 of 'greeter'")?;
    Ok(())
}

#[test]
fn a_project_that_was_not_built_is_not_deployed() -> Result<()> {
    let project = Project::new("python")?;
    let output = project.command(dacapo()?, &["deploy"]).output()?;
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(
        output.status.code() == Some(1) && errors.contains("greeter.wasm is not there: `dacapo build`"),
        "{errors}"
    );
    Ok(())
}

#[test]
fn what_is_no_project_says_so() -> Result<()> {
    let folder = tempfile::tempdir()?;
    for command in ["build", "dev", "deploy"] {
        let output = Command::new(dacapo()?).arg(command).current_dir(folder.path()).output()?;
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(output.status.code() == Some(1) && errors.contains("dacapo new NAME"), "{errors}");
    }
    let output = Command::new(dacapo()?).args(["new", "Order Flows", "--language", "js"]).output()?;
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.code() == Some(1) && errors.contains("'order-flows', say"), "{errors}");
    Ok(())
}
