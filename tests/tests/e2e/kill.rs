//! `kill -9` at any moment: nothing that was acknowledged is lost, nothing that was shown is taken back.
//!
//! Moments are numbers of things that happened (a request was acknowledged, a status was seen), drawn from a seed that
//! is printed; `DACAPO_KILL_SEED` repeats them.

use anyhow::{Context as _, Result, bail, ensure};
use dacapo_core::InstanceId;
use dacapo_store::Store as _;
use dacapo_store::sqlite::{FILE_NAME, ID_FILE, SqliteStore};
use dacapo_tests::api::Api;
use dacapo_tests::draw::Draw;
use dacapo_tests::program::Program;
use dacapo_tests::server::{has_ended, sample};
use futures::future::{join_all, try_join_all};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Notify;

const ROUNDS: usize = 20;
/// Of each kind, in a round.
const INSTANCES: usize = 100;
/// About as many things happen in a round; a kill that was drawn for later comes when all is done.
const HAPPENINGS: u64 = 1_000;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    HelloCities,
    ReserveTicket,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::HelloCities => "HelloCities",
            Kind::ReserveTicket => "ReserveTicket",
        }
    }

    /// How far an instance is that shows this custom status: a place in the sequence of those it sets.
    fn stage(self, custom_status: &Value) -> Result<usize> {
        let stage = match self {
            Kind::HelloCities => {
                [Value::Null, json!("Tokyo"), json!("Seattle"), json!("London")].iter().position(|s| s == custom_status)
            }
            Kind::ReserveTicket if custom_status.is_null() => Some(0),
            Kind::ReserveTicket if custom_status["bookingUrl"].is_string() => Some(1),
            Kind::ReserveTicket if *custom_status == thanks() => Some(2),
            Kind::ReserveTicket => None,
        };
        stage.with_context(|| format!("{} never shows {custom_status}", self.name()))
    }

    fn is_right_end(self, status: &Value) -> bool {
        let (output, custom_status) = match self {
            Kind::HelloCities => (json!(["Hello Tokyo!", "Hello Seattle!", "Hello London!"]), json!("London")),
            Kind::ReserveTicket => (json!(true), thanks()),
        };
        (&status["runtimeStatus"], &status["output"], &status["customStatus"])
            == (&json!("Completed"), &output, &custom_status)
    }
}

fn thanks() -> Value {
    json!({"message": "Thank you for confirming your booking."})
}

/// An instance, and all that its client knows of it.
struct Flow {
    kind: Kind,
    id: String,
    /// The start was acknowledged.
    started: bool,
    /// The event was acknowledged.
    confirmed: bool,
    /// The latest that was seen: the stage, and whether it had ended.
    seen: Option<(usize, bool)>,
}

impl Flow {
    /// All that a round is about.
    fn of_round(round: usize) -> Vec<Flow> {
        let flow = |kind: Kind, n| {
            let id = format!("{}-{round}-{n}", kind.name());
            Flow { kind, id, started: false, confirmed: false, seen: None }
        };
        (0..INSTANCES).flat_map(|n| [flow(Kind::HelloCities, n), flow(Kind::ReserveTicket, n)]).collect()
    }

    /// Takes note of a status that somebody was shown. An error if it is an earlier one than was shown before.
    fn see(&mut self, custom_status: &Value, ended: bool) -> Result<()> {
        let now = (self.kind.stage(custom_status)?, ended);
        ensure!(self.seen <= Some(now), "{} went back from {:?} to {now:?}", self.id, self.seen);
        self.seen = Some(now);
        Ok(())
    }

    /// Does what its client has to do, from wherever it stands, until it sees the end.
    async fn pursue(&mut self, api: &Api, happened: &(dyn Fn() + Sync)) -> Result<()> {
        if !self.started {
            let path = format!("/orchestrators/{}/{}", self.kind.name(), self.id);
            match api.call(Method::POST, &path, Some(&json!("user"))).await? {
                (StatusCode::ACCEPTED, _) => self.started = true,
                (code, body) => bail!("starting {}: {code} {body}", self.id),
            }
            happened();
        }
        if self.kind == Kind::ReserveTicket && !self.confirmed {
            self.watch(api, happened, |status| !status["customStatus"].is_null()).await?;
            let path = format!("/instances/{}/raiseEvent/BookingConfirmed", self.id);
            match api.call(Method::POST, &path, Some(&json!(true))).await? {
                // 410: an earlier one was durable, but the answer did not arrive.
                (StatusCode::ACCEPTED | StatusCode::GONE, _) => self.confirmed = true,
                (code, body) => bail!("confirming {}: {code} {body}", self.id),
            }
            happened();
        }
        self.watch(api, happened, has_ended).await
    }

    async fn watch(&mut self, api: &Api, happened: &(dyn Fn() + Sync), enough: fn(&Value) -> bool) -> Result<()> {
        let (id, mut wrong) = (self.id.clone(), None);
        api.watch(&id, |status| {
            wrong = self.see(&status["customStatus"], has_ended(&status)).err();
            happened();
            let is_wrong_end = has_ended(&status) && !self.kind.is_right_end(&status);
            if is_wrong_end {
                wrong = Some(anyhow::anyhow!("{} ended as {status}", self.id));
            }
            match wrong.is_some() || enough(&status) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        })
        .await?;
        // What a server says is never only a broken connection.
        wrong.map_or(Ok(()), |wrong| panic!("{wrong}"))
    }
}

/// Pursues all flows until the moment comes, and then kills the program in the middle of it.
async fn run_and_kill(program: Program, flows: &mut [Flow], moment: usize) -> Result<()> {
    let (count, due, all_done) = (AtomicUsize::new(0), Notify::new(), Notify::new());
    let api = Api::of(&program.url);
    let happened = || {
        if count.fetch_add(1, Ordering::Relaxed) + 1 == moment {
            due.notify_one();
        }
    };
    let pursuing = async {
        // Only a kill may break them off.
        let ends = join_all(flows.iter_mut().map(|flow| flow.pursue(&api, &happened))).await;
        all_done.notify_one();
        ends
    };
    let killing = async {
        tokio::select! {
            () = due.notified() => {}
            () = all_done.notified() => {}
        }
        program.kill()
    };
    let (ends, killed) = tokio::join!(pursuing, killing);
    killed?;
    let happened = count.load(Ordering::Relaxed);
    match ends.into_iter().find_map(Result::err) {
        Some(error) if happened < moment => Err(error.context("broke off before the program was killed")),
        _ => Ok(()),
    }
}

/// Reads what is durable from a copy of the files as the kill left them: what was shown must be in it.
fn check_files(data: &Path, flows: &mut [Flow]) -> Result<()> {
    let copy = tempfile::tempdir()?;
    for name in [FILE_NAME.to_owned(), format!("{FILE_NAME}-wal"), ID_FILE.to_owned()] {
        std::fs::copy(data.join(&name), copy.path().join(&name))?;
    }
    let store = SqliteStore::open(copy.path())?;
    for flow in flows {
        match store.instance(&InstanceId::parse(&flow.id)?)? {
            None => ensure!(!flow.started && flow.seen.is_none(), "{} is lost", flow.id),
            Some(found) => {
                // Durable although its answer did not arrive. Once it has ended, another start would replace it.
                flow.started = true;
                let custom_status = found.custom_status.as_ref().map_or("null", |value| value.as_str());
                flow.see(&serde_json::from_str(custom_status)?, found.status.is_finished())?;
                let waits = store.inbox(found.key)?.len() + usize::from(found.status.is_finished());
                ensure!(!flow.confirmed || waits > 0, "the event of {} is lost", flow.id);
            }
        }
    }
    Ok(())
}

async fn check_served(api: &Api, flow: &mut Flow) -> Result<()> {
    match api.status(&flow.id).await? {
        None => ensure!(!flow.started && flow.seen.is_none(), "{} is lost", flow.id),
        Some(status) => flow.see(&status["customStatus"], has_ended(&status))?,
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_loses_nothing_and_takes_nothing_back() -> Result<()> {
    kill_again_and_again(&[]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_that_replays_every_turn_loses_nothing_and_takes_nothing_back() -> Result<()> {
    kill_again_and_again(&["--warm-memory-mib", "0"]).await
}

async fn kill_again_and_again(args: &[&str]) -> Result<()> {
    let (data, mut draw) = (tempfile::tempdir()?, Draw::seeded("DACAPO_KILL_SEED")?);
    let mut program = Program::serve(data.path(), args)?;
    for module in ["Cities", "Tickets"] {
        Api::of(&program.url).deploy(&sample(module)).await?;
    }
    for round in 0..ROUNDS {
        let mut flows = Flow::of_round(round);
        let moment = 1 + usize::try_from(draw.below(HAPPENINGS))?;
        run_and_kill(program, &mut flows, moment).await?;
        check_files(data.path(), &mut flows).with_context(|| format!("killed at {moment} in round {round}"))?;
        program = Program::serve(data.path(), args)?;
        let api = Api::of(&program.url);
        try_join_all(flows.iter_mut().map(|flow| check_served(&api, flow))).await?;
        try_join_all(flows.iter_mut().map(|flow| flow.pursue(&api, &|| ()))).await?;
    }
    let api = Api::of(&program.url);
    for flow in (0..ROUNDS).flat_map(Flow::of_round) {
        let status = api.status(&flow.id).await?.with_context(|| format!("{} is lost", flow.id))?;
        ensure!(flow.kind.is_right_end(&status), "{} ended as {status}", flow.id);
    }
    Ok(())
}
