//! The command line against a served Dacapo: what it prints and how it ends.

use anyhow::{Context as _, Result, ensure};
use dacapo_tests::program::{Program, dacapo};
use dacapo_tests::server::{guest, sample};
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A server of this test's own, and the command line that talks to it.
struct Cli {
    server: Program,
    data: TempDir,
}

/// What a command printed and how it ended.
#[derive(Debug)]
struct Said {
    code: Option<i32>,
    out: String,
    errors: String,
}

fn said(command: &mut Command, input: &str) -> Result<Said> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    // A command that does not read its input may be gone already.
    let _ = child.stdin.take().context("it is piped")?.write_all(input.as_bytes());
    let output = child.wait_with_output()?;
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).context("it prints text");
    Ok(Said { code: output.status.code(), out: text(output.stdout)?, errors: text(output.stderr)? })
}

impl Cli {
    fn new(way: Way) -> Result<Self> {
        let data = tempfile::tempdir()?;
        let server = Program::serve(data.path(), way)?;
        Ok(Self { server, data })
    }

    /// With modules deployed.
    fn with(way: Way, modules: &[&Path]) -> Result<Self> {
        let cli = Self::new(way)?;
        for module in modules {
            cli.run(&["deploy", &module.display().to_string()], 0)?;
        }
        Ok(cli)
    }

    fn command(&self, args: &[&str]) -> Result<Command> {
        let mut command = Command::new(dacapo()?);
        command.args(args).env("DACAPO_SERVER", &self.server.url);
        Ok(command)
    }

    /// Runs a command that must end with `code`.
    fn run(&self, args: &[&str], code: i32) -> Result<Said> {
        self.run_with(args, "", code)
    }

    /// Runs a command with something to read.
    fn run_with(&self, args: &[&str], input: &str, code: i32) -> Result<Said> {
        let said = said(&mut self.command(args)?, input)?;
        ensure!(said.code == Some(code), "{args:?} should end with {code}: {said:?}");
        Ok(said)
    }

    /// The one JSON document that a command prints.
    fn json(&self, args: &[&str], code: i32) -> Result<Value> {
        let said = self.run(&[args, &["-o", "json"]].concat(), code)?;
        serde_json::from_str(&said.out).with_context(|| format!("{args:?} should print JSON: {said:?}"))
    }
}

/// Each of `words` stands in the text, in this order.
#[track_caller]
fn assert_says(text: &str, words: &[&str]) {
    let mut rest = text;
    for word in words {
        let Some((_, after)) = rest.split_once(word) else { panic!("{word:?} is missing: {text}") };
        rest = after;
    }
}

/// What the server is told on its command line: keep guests warm, or replay every turn.
type Way = &'static [&'static str];

/// Makes two tests of each body.
macro_rules! every_way {
    ($(fn $name:ident($way:ident: Way) -> Result<()> $body:block)*) => { $(
        mod $name {
            use super::*;

            fn body($way: Way) -> Result<()> $body

            #[test]
            fn warm() -> Result<()> {
                body(&[])
            }

            #[test]
            fn replayed() -> Result<()> {
                body(&["--warm-memory-mib", "0"])
            }
        }
    )* };
}

every_way! {
    fn modules_are_deployed_shown_and_deleted(way: Way) -> Result<()> {
        let cli = Cli::new(way)?;
        let (cities, steps) = (sample("Cities").display().to_string(), guest("two-steps").display().to_string());
        let deployed = cli.run(&["deploy", &cities, &steps], 0)?;
        assert_says(&deployed.out, &["MODULE", "VERSION", "Cities", "1", "HelloCities, CityRecommender", "SayHello"]);
        assert_says(&deployed.out, &["two-steps", "1", "TwoSteps", "StepA, StepB"]);
        let swapped = guest("two-steps-swapped").display().to_string();
        let second = cli.json(&["deploy", &swapped, "--name", "two-steps"], 0)?;
        assert_eq!((&second[0]["name"], &second[0]["version"]), (&json!("two-steps"), &json!(2)));
        assert_says(&cli.run(&["modules"], 0)?.out, &["Cities", "1", "two-steps", "2"]);
        assert_says(&cli.run(&["modules", "two-steps"], 0)?.out, &["1 (replaced)", "2", "TwoSteps"]);
        assert_says(&cli.run(&["modules", "delete", "two-steps", "1"], 0)?.out, &["deleted version 1 of 'two-steps'"]);
        assert_says(&cli.run(&["modules", "delete", "two-steps", "1"], 5)?.errors, &["no version 1", "two-steps"]);
        cli.run(&["start", "TwoSteps", "--id", "t"], 0)?;
        let pinned = cli.run(&["modules", "delete", "two-steps", "2"], 6)?;
        assert_says(&pinned.errors, &["error: ", "held by 1 unfinished"]);
        assert_says(&cli.run(&["modules", "Nobody"], 5)?.errors, &["there is no module 'Nobody'"]);
        Ok(())
    }

    fn what_cannot_be_deployed_is_refused_with_the_servers_reason(way: Way) -> Result<()> {
        let cli = Cli::with(way, &[&sample("Cities")])?;
        let folder = tempfile::tempdir()?;
        let file = |name: &str, bytes: &[u8]| -> Result<String> {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes)?;
            Ok(path.display().to_string())
        };
        let truncated = &std::fs::read(guest("conformance"))?[..50_000];
        let refused: [(String, &str); 4] = [
            (file("text.wasm", b"no wasm at all")?, "This is not WebAssembly"),
            (file("core.wasm", b"\0asm\x01\0\0\0")?, "a core WebAssembly module, not a component"),
            // Compiled, or not, in a process of its own.
            (file("truncated.wasm", truncated)?, "The component cannot be used"),
            (guest("other-version").display().to_string(), "9.0.0"),
        ];
        for (path, words) in &refused {
            assert_says(&cli.run(&["deploy", path], 1)?.errors, &["error: ", path, words]);
        }
        let taken = cli.run(&["deploy", &sample("Cities").display().to_string(), "--name", "Towns"], 6)?;
        assert_says(&taken.errors, &["already exported by module 'Cities'"]);
        // What comes before the one that fails is deployed, and shown.
        let steps = guest("two-steps").display().to_string();
        let half = cli.run(&["deploy", &steps, &refused[0].0], 1)?;
        assert_says(&half.out, &["two-steps"]);
        assert_says(&half.errors, &["text.wasm"]);
        assert_says(&cli.run(&["deploy", "/no/such.wasm"], 1)?.errors, &["/no/such.wasm", "No such file"]);
        Ok(())
    }

    fn a_start_that_waits_ends_as_its_instance_does(way: Way) -> Result<()> {
        let cli = Cli::with(way, &[&sample("Cities"), &sample("Workloads")])?;
        let done = cli.run(&["start", "Steps", "--id", "s", "--input", "3", "--wait"], 0)?;
        assert_says(&done.out, &["Completed", "3"]);
        assert_says(&done.errors, &["started s"]);
        let status = cli.json(&["start", "hellocities", "--wait"], 0)?;
        assert_eq!(status["output"], json!(["Hello Tokyo!", "Hello Seattle!", "Hello London!"]));
        let failed = cli.run(&["start", "CityRecommender", "--input", "9", "--wait"], 3)?;
        assert_says(&failed.out, &["Failed", "nothing to recommend for 9"]);
        // Not asked to wait, it is done when the instance is there.
        let started = cli.json(&["start", "Park", "--id", "p"], 0)?;
        assert_eq!(started["id"], "p");
        assert_says(&cli.run(&["start", "Park", "--id", "p"], 6)?.errors, &["'p' is", "can be used again"]);
        assert_says(&cli.run(&["start", "NoSuchFlow"], 1)?.errors, &["'NoSuchFlow' doesn't exist", "HelloCities"]);

        let mut waiting = cli.command(&["start", "Park", "--id", "w", "--wait"])?;
        let waiting = waiting.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        while cli.run(&["status", "w"], 0).is_err() {}
        cli.run(&["terminate", "w", "--reason", "enough"], 0)?;
        let ended = waiting.wait_with_output()?;
        assert_eq!(ended.status.code(), Some(4));
        assert_says(&String::from_utf8(ended.stdout)?, &["Terminated", "\"enough\""]);
        Ok(())
    }

    fn inputs_come_as_arguments_files_and_standard_input_and_must_be_json(way: Way) -> Result<()> {
        let cli = Cli::with(way, &[&guest("conformance")])?;
        let file = cli.data.path().join("input.json");
        std::fs::write(&file, "{\"a\" : [1.0e2, \"ü\"]}\n")?;
        let at_file = format!("@{}", file.display());
        let echo = ["start", "EchoInput", "--wait", "-o", "jsonl", "--input"];
        for (input, stdin, wanted) in [
            ("-1.50", "", "\"output\":-1.50,"),
            (at_file.as_str(), "", "\"output\":{\"a\":[1.0e2,\"ü\"]},"),
            ("-", " [true]\n", "\"output\":[true],"),
        ] {
            assert_says(&cli.run_with(&[&echo[..], &[input]].concat(), stdin, 0)?.out, &[wanted]);
        }
        let wrong = cli.run(&["start", "EchoInput", "--input", "{\"a\": Tokyo}"], 2)?;
        assert_says(
            &wrong.errors,
            &["error: --input is not JSON", "line 1 column 7", "{\"a\": Tokyo}\n", "^", "'\"Tokyo\"'"],
        );
        let wrong = cli.run_with(&["raise", "x", "Go", "-"], "nope", 2)?;
        assert_says(&wrong.errors, &["the event's data is not JSON"]);
        assert_says(&cli.run(&["start", "EchoInput", "--input", "@/no/such.json"], 1)?.errors, &["/no/such.json"]);
        assert_eq!(cli.json(&["list"], 0)?.as_array().map(Vec::len), Some(3), "what is wrong is not sent");
        Ok(())
    }

    fn an_instance_is_shown_watched_and_told_of_events(way: Way) -> Result<()> {
        let cli = Cli::with(way, &[&guest("conformance"), &sample("Workloads")])?;
        cli.run(&["start", "Collect", "--id", "c", "--input", "2"], 0)?;
        let shown = cli.run(&["status", "c"], 0)?;
        assert_says(&shown.out, &["id", "c\n", "orchestrator", "Collect", "custom status", "input", "2\n", "created"]);
        let raised = cli.json(&["raise", "c", "Item", "{\"n\": 1}"], 0)?;
        assert_eq!(raised, json!({"id": "c", "event": "Item", "raised": true}));
        cli.run(&["raise", "c", "item"], 0)?;
        let watched = cli.run(&["status", "c", "--watch"], 0)?;
        assert_says(&watched.out, &["  2\n", "Completed  [{\"n\":1},null]"]);
        let lines = cli.run(&["status", "c", "--watch", "-o", "jsonl"], 0)?.out;
        let last: Value = serde_json::from_str(lines.lines().last().context("a line")?)?;
        assert_eq!((&last["output"], &last["runtimeStatus"]), (&json!([{"n": 1}, null]), &json!("Completed")));
        assert_says(&cli.run(&["raise", "c", "Item"], 6)?.errors, &["'c' is Completed"]);
        for args in [&["status", "nobody"][..], &["status", "nobody", "--watch"], &["raise", "nobody", "Go"]] {
            assert_says(&cli.run(args, 5)?.errors, &["there is no instance 'nobody'", "dacapo list"]);
        }
        cli.run(&["start", "CollecT", "--id", "f", "--input", "\"two\"", "--wait"], 3)?;
        cli.run(&["status", "f"], 3)?;
        cli.run(&["status", "f", "--watch"], 3)?;
        Ok(())
    }

    fn versions_are_chosen_checked_upgraded_and_rolled_back(way: Way) -> Result<()> {
        let cli = Cli::new(way)?;
        let deploy = |build: &str, code: i32, more: &[&str]| {
            let file = guest(build).display().to_string();
            cli.run(&[&["deploy", &file, "--name", "flow"], more].concat(), code)
        };
        deploy("two-steps", 0, &[])?;
        cli.run(&["start", "TwoSteps", "--id", "t"], 0)?;
        // Once it is asked to wait, its first step is recorded.
        while !cli.run(&["history", "t"], 0)?.out.contains("TaskCompleted") {}
        let refused = deploy("two-steps-swapped", 6, &["--check"])?;
        assert_says(&refused.out, &["flow: 1 of 1 open instances would not go on", "t ", "at command 0 (turn 1)"]);
        assert_says(&deploy("two-steps-longer", 0, &["--check"])?.out, &["all of 1 open instances would go on"]);
        deploy("two-steps-longer", 0, &[])?;
        deploy("two-steps-swapped", 0, &[])?;
        cli.run(&["start", "twosteps", "--id", "old", "--version", "1"], 0)?;
        let modules = cli.run(&["modules", "flow"], 0)?.out;
        let rows: Vec<Vec<&str>> = modules.lines().skip(1).map(|row| row.split_whitespace().collect()).collect();
        let held = rows.iter().map(|row| (row[1], row[row.len() - 4])).collect::<Vec<_>>();
        assert_eq!(held, [("1", "2"), ("2", "0"), ("3", "0")], "{modules}");
        assert_says(&cli.run(&["start", "TwoSteps", "--version", "9"], 1)?.errors, &["no version '9'", "1, 2, 3"]);
        assert_says(&cli.run(&["upgrade", "t", "--to", "3"], 6)?.errors, &["'t' stays where it is", "StepA", "Next"]);
        assert_says(&cli.run(&["upgrade", "t", "--to", "2"], 0)?.out, &["t is on version 2 of 'flow'"]);
        assert_says(&cli.run(&["upgrade", "nobody", "--to", "2"], 5)?.errors, &["nobody"]);
        cli.run(&["raise", "t", "Next"], 0)?;
        assert_says(&cli.run(&["status", "t", "--watch"], 0)?.out, &["Completed  [\"a\",\"b\",\"b\"]"]);
        assert_says(&cli.run(&["rollback", "flow"], 0)?.out, &["MODULE", "flow", "2"]);
        assert_says(&cli.run(&["rollback", "flow", "--to", "1"], 0)?.out, &["flow", "1"]);
        assert_says(&cli.run(&["rollback", "flow"], 6)?.errors, &["no version before the active one"]);
        assert_says(&cli.run(&["rollback", "flow", "--to", "8"], 5)?.errors, &["no version 8 of a module 'flow'"]);
        assert_says(&cli.run(&["rollback", "nothing"], 5)?.errors, &["no module 'nothing'"]);
        Ok(())
    }

    fn a_history_is_exported_and_replayed_without_a_server(way: Way) -> Result<()> {
        let cli = Cli::with(way, &[&sample("Cities")])?;
        cli.run(&["start", "HelloCities", "--id", "h", "--wait"], 0)?;
        let timeline = cli.run(&["timeline", "h"], 0)?.out;
        assert_says(&timeline, &["TIME", "EXECUTION", "TURN", "CUSTOM STATUS", "\"Tokyo\"", "\"Seattle\"", "\"London\""]);
        assert_eq!(cli.json(&["timeline", "h", "--top", "1"], 0)?[0]["customStatus"], "London");
        let file = cli.data.path().join("h.json").display().to_string();
        assert_says(&cli.run(&["history", "h", "--export", &file], 0)?.out, &["exported h to"]);
        assert!(cli.run(&["history", "h", "--export", "-"], 0)?.out.contains("dacapoHistory"));
        cli.run(&["history", "nobody", "--export", &file], 5)?;

        // From here on there is no server.
        let replay = |file: &str, module: &str, more: &[&str], code: i32| -> Result<Said> {
            let module = if module == "Cities" { sample(module) } else { guest(module) };
            let mut command = Command::new(dacapo()?);
            command.args(["replay", file, "--module"]).arg(module).args(more).env("DACAPO_SERVER", "http://127.0.0.1:1");
            let said = said(&mut command, "")?;
            ensure!(said.code == Some(code), "should end with {code}: {said:?}");
            Ok(said)
        };
        let all = replay(&file, "Cities", &[], 0)?.out;
        let words = ["turn 0", "< ExecutionStarted", "0 > TaskScheduled name=\"SayHello\" input=\"Tokyo\"", "turn 2",
            "< TaskCompleted", "1 > TaskScheduled", "= custom status \"Tokyo\"", "it replays: 4 commands are the same"];
        assert_says(&all, &words);
        let broken = replay(&file, "Cities", &["--break-at", "1"], 0)?.out;
        assert_says(&broken, &["1 > TaskScheduled", "in flight", "activity SayHello as task #1"]);
        assert!(!broken.contains("turn 3"), "{broken}");
        assert_says(&replay(&file, "Cities", &["--break-at", "9"], 5)?.errors, &["no command 9", "4 commands"]);
        let edited = cli.data.path().join("edited.json").display().to_string();
        std::fs::write(&edited, std::fs::read_to_string(&file)?.replace("\"Seattle\"", "\"Paris\""))?;
        let diverged = replay(&edited, "Cities", &[], 6)?.out;
        let words = ["0 > TaskScheduled", "it diverges at command 1 (turn 2)", "the history has", "Paris", "the build wants",
            "Seattle", "likely cause"];
        assert_says(&diverged, &words);
        let first = cli.data.path().join("first.json").display().to_string();
        std::fs::write(&first, std::fs::read_to_string(&file)?.replace("\"Tokyo\"", "\"Oslo\""))?;
        let diverged = replay(&first, "Cities", &[], 6)?.out;
        assert_says(&diverged, &["turn 1", "it diverges at command 0 (turn 1)", "Oslo", "Tokyo"]);
        assert!(!diverged.contains("0 >"), "a command that was not matched is not shown as one that was: {diverged}");
        let json: Value = serde_json::from_str(&replay(&edited, "Cities", &["-o", "json"], 6)?.out)?;
        let last = json.as_array().and_then(|items| items.last()).context("an array")?;
        assert_eq!(last["diverges"]["command"], 1);
        assert_says(&replay(&file, "flows", &[], 6)?.errors, &["does not export the orchestrator 'HelloCities'"]);
        std::fs::write(&edited, "{}")?;
        assert_says(&replay(&edited, "Cities", &[], 1)?.errors, &["not an exported history", "--export FILE"]);
        Ok(())
    }

    fn lists_are_filtered_and_instances_ended_and_purged(way: Way) -> Result<()> {
        let cli = Cli::with(way, &[&sample("Workloads")])?;
        for id in ["a-1", "a-2", "b-1"] {
            cli.run(&["start", "Trivial", "--id", id, "--wait"], 0)?;
        }
        cli.run(&["start", "Park", "--id", "a-3"], 0)?;
        let ids = |filter: &[&str]| -> Result<Vec<String>> {
            let list = cli.json(&[&["list"], filter].concat(), 0)?;
            let list = list.as_array().context("a list")?.iter();
            Ok(list.filter_map(|status| status["instanceId"].as_str().map(str::to_owned)).collect())
        };
        assert_eq!(ids(&[])?, ["a-1", "a-2", "b-1", "a-3"]);
        assert_eq!(ids(&["--prefix", "a-", "--status", "completed"])?, ["a-1", "a-2"]);
        assert_eq!(ids(&["--name", "PARK"])?, ["a-3"]);
        assert_eq!(ids(&["--created-from", "2100-01-01"])?, [""; 0]);
        let table = cli.run(&["list", "--top", "2"], 0)?;
        assert_says(&table.out, &["ID", "STATE", "a-1", "Trivial", "Completed", "a-2"]);
        assert!(!table.out.contains("b-1") && table.errors.contains("there are more"), "{table:?}");
        let lines = cli.run(&["list", "--all", "-o", "jsonl"], 0)?.out;
        let parsed: Vec<Value> = lines.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        assert_eq!(parsed.len(), 4);
        assert_says(&cli.run(&["list", "--status", "Finished"], 2)?.errors, &["the states are", "Completed"]);

        assert_says(&cli.run(&["purge", "a-3"], 6)?.errors, &["terminate it first"]);
        assert_says(&cli.run(&["terminate", "a-3", "--reason", "x & y"], 0)?.out, &["terminated a-3"]);
        assert_says(&cli.run(&["status", "a-3", "--watch"], 4)?.out, &["Terminated  \"x & y\""]);
        cli.run(&["terminate", "a-3"], 6)?;
        assert_eq!(cli.json(&["purge", "a-3"], 0)?, json!({"instancesDeleted": 1}));
        cli.run(&["purge", "a-3"], 5)?;
        cli.run(&["start", "Park", "--id", "open"], 0)?;
        assert_says(&cli.run(&["purge", "--created-from", "2020-01-01"], 0)?.out, &["deleted 3 instances"]);
        assert_says(&cli.run(&["purge", "--created-from", "2020-01-01"], 0)?.out, &["deleted 0 instances"]);
        assert_says(&cli.run(&["purge", "open", "--force"], 0)?.out, &["deleted 1 instance\n"]);
        assert_eq!(ids(&[])?, [""; 0]);
        Ok(())
    }

    fn a_server_that_is_not_there_has_an_exit_code_of_its_own(way: Way) -> Result<()> {
        let cli = Cli::new(way)?;
        assert_says(&cli.run(&["health"], 0)?.out, &["durability", "store", "sqlite"]);
        let url = cli.server.url.clone();
        assert!(cli.server.stop()?.success());
        for args in [&["health"][..], &["list"], &["start", "X"], &["status", "x"], &["purge", "x"]] {
            let said = said(Command::new(dacapo()?).args(args).args(["--server", &url]), "")?;
            assert_eq!(said.code, Some(7), "{said:?}");
            assert_says(&said.errors, &["no answer from", &url, "dacapo serve"]);
        }
        Ok(())
    }

    fn a_data_folder_serves_one_server_at_a_time_and_keeps_everything_for_the_next(way: Way) -> Result<()> {
        let cli = Cli::with(way, &[&sample("Workloads")])?;
        cli.run(&["start", "Park", "--id", "p"], 0)?;
        let serve = |args: &[&str]| -> Result<Said> {
            let mut command = Command::new(dacapo()?);
            said(command.args(["serve", "--data"]).arg(cli.data.path()).args(args).env("DACAPO_LOG", "error"), "")
        };
        let second = serve(&["--listen", "127.0.0.1:0"])?;
        assert_eq!((second.code, second.out.as_str()), (Some(1), ""), "{second:?}");
        assert_says(&second.errors, &["error: ", "cannot open the data folder", "in use by another dacapo process"]);
        let exposed = serve(&["--listen", "0.0.0.0:0"])?;
        assert_eq!((exposed.code, exposed.out.as_str()), (Some(1), ""), "{exposed:?}");
        assert_says(&exposed.errors, &["refusing to listen on 0.0.0.0:0", "--insecure"]);

        // The first one never noticed. It stops cleanly, also while somebody watches.
        let watching = cli.command(&["status", "p", "--watch"])?.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        assert_eq!(cli.json(&["status", "p"], 0)?["instanceId"], "p");
        let Cli { server, data } = cli;
        let ended = server.stop()?;
        assert_eq!(ended.code(), Some(0), "{ended:?}");
        let watched = watching.wait_with_output()?;
        assert!(matches!(watched.status.code(), Some(1 | 7)), "{watched:?}");

        let cli = Cli { server: Program::serve(data.path(), &["--warm-memory-mib", "0"])?, data };
        cli.run(&["raise", "p", "Go", "\"again\""], 0)?;
        assert_says(&cli.run(&["status", "p", "--watch"], 0)?.out, &["Completed  \"again\""]);
        Ok(())
    }
}
