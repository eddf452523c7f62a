//! `cargo xtask demo`: serves, deploys, and plays two samples before your eyes.

use crate::cargo::{self, target_dir};
use crate::process::show;
use crate::samples;
use crate::server::Server;
use crate::step::step;
use crate::wasm::Component;
use crate::watch::Watch;
use anyhow::{Result, bail};
use serde_json::{Value, json};
use std::path::Path;

/// What becomes of the server.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    Stop,
    Keep,
}

/// Builds what is missing, and shows it at work. Fails when anything is not as it should be.
pub(crate) fn run(after: After) -> Result<()> {
    let components = step("samples", samples::build)?;
    step("host", || show(&mut cargo::build(&["build", "--package", "dacapo-server"])))?;
    let program = target_dir()?.join("debug/dacapo");
    let server = step("serve", || {
        let server = Server::start(&program)?;
        println!("    {}", server.url);
        Ok(server)
    })?;
    let played = play(&server, &components);
    if played.is_err() {
        eprintln!("the server's log ends with:\n{}", server.log());
    }
    played?;
    match after {
        After::Stop => {
            go_on(&program, "http://127.0.0.1:7071");
            step("stop", || server.stop())
        }
        After::Keep => {
            go_on(&program, &server.url);
            let pid = server.pid;
            let data = server.keep().unwrap_or_default();
            println!("\nThe server keeps running on {}. To stop it: kill {pid}", data.display());
            Ok(())
        }
    }
}

fn play(server: &Server, components: &[Component]) -> Result<()> {
    step("deploy", || deploy(server, components))?;
    step("HelloCities", || hello_cities(server))?;
    step("ReserveTicket", || reserve_ticket(server))
}

fn deploy(server: &Server, components: &[Component]) -> Result<()> {
    let files: Vec<_> = components.iter().map(|component| component.path.to_string_lossy()).collect();
    let args: Vec<&str> = std::iter::once("deploy").chain(files.iter().map(AsRef::as_ref)).collect();
    for module in server.run(&args)? {
        let names = |key: &str| {
            let list = module[key].as_array().into_iter().flatten();
            list.filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
        };
        println!("    {} v{}: {}", text(&module["name"]), module["version"], names("orchestrators"));
    }
    Ok(())
}

fn hello_cities(server: &Server) -> Result<()> {
    let id = "demo-cities";
    server.run(&["start", "HelloCities", "--id", id])?;
    let mut watch = Watch::start(server, id)?;
    let mut seen = vec![];
    let last = loop {
        let status = watch.next()?;
        note_change(&status, &mut seen);
        if is_finished(&status) {
            break status;
        }
    };
    expect("the custom statuses of HelloCities", &json!(seen), &json!(["Tokyo", "Seattle", "London"]))?;
    expect_end(&last, &json!(["Hello Tokyo!", "Hello Seattle!", "Hello London!"]))
}

fn reserve_ticket(server: &Server) -> Result<()> {
    let id = "demo-ticket";
    server.run(&["start", "ReserveTicket", "--id", id, "--input", "\"ada\""])?;
    let mut watch = Watch::start(server, id)?;
    let mut seen = vec![];
    let mut confirmed = false;
    let last = loop {
        let status = watch.next()?;
        note_change(&status, &mut seen);
        if is_finished(&status) {
            break status;
        }
        if !confirmed && status["customStatus"]["bookingUrl"].is_string() {
            println!("    raising BookingConfirmed with true");
            server.run(&["raise", id, "BookingConfirmed", "true"])?;
            confirmed = true;
        }
    };
    let [offer, thanks] = seen.as_slice() else {
        bail!("ReserveTicket showed {} instead of two statuses", json!(seen))
    };
    expect("the offer's time", &offer["discountTimeout"], &json!(60))?;
    expect("the offer's page", &offer["bookingUrl"], &json!("https://www.myawesomebookingweb.com"))?;
    expect("the last status", thanks, &json!({ "message": "Thank you for confirming your booking." }))?;
    expect_end(&last, &json!(true))
}

/// Shows and keeps a custom status that differs from the one before.
fn note_change(status: &Value, seen: &mut Vec<Value>) {
    let custom = &status["customStatus"];
    if !custom.is_null() && seen.last() != Some(custom) {
        println!("    custom status: {custom}");
        seen.push(custom.clone());
    }
}

fn is_finished(status: &Value) -> bool {
    matches!(text(&status["runtimeStatus"]), "Completed" | "Failed" | "Terminated" | "Canceled")
}

fn expect_end(last: &Value, output: &Value) -> Result<()> {
    println!("    {}: {}", text(&last["runtimeStatus"]), last["output"]);
    expect("the final state", &last["runtimeStatus"], &json!("Completed"))?;
    expect("the output", &last["output"], output)
}

fn expect(what: &str, found: &Value, wanted: &Value) -> Result<()> {
    if found != wanted {
        bail!("{what}: expected {wanted}, found {found}");
    }
    Ok(())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn go_on(program: &Path, url: &str) {
    let program = program.strip_prefix(crate::process::root()).unwrap_or(program).display();
    println!(
        "\n\
Go on by hand:
  {program} serve --data ./data                        # unless one is running
  export DACAPO_SERVER={url}
  {program} deploy target/samples/rust/*.wasm
  {program} start HelloCities --wait
  {program} start ReserveTicket --id mine --input '\"ada\"'
  curl -s {url}/runtime/webhooks/durabletask/instances/mine
  curl -s {url}/runtime/webhooks/durabletask/instances/mine/raiseEvent/BookingConfirmed \\
       -H 'content-type: application/json' -d true
  {program} status mine --watch"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changes_are_noted() {
        let mut seen = vec![];
        for custom in [json!(null), json!("a"), json!("a"), json!("b"), json!("a")] {
            note_change(&json!({ "customStatus": custom }), &mut seen);
        }
        assert_eq!(json!(seen), json!(["a", "b", "a"]));
    }

    #[test]
    fn what_is_not_as_expected_is_an_error_that_shows_both() {
        let error = expect("the output", &json!(1), &json!(2)).expect_err("differs");
        assert_eq!(error.to_string(), "the output: expected 2, found 1");
        expect("the output", &json!([1]), &json!([1])).expect("equal");
    }
}
