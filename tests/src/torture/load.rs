//! The load: a client for each flow, which goes on through every trouble as real ones do, and readers.

use super::flows::{Flow, MOST_TICKS, Step, TICKS, tick, ticks_of};
use super::ledger::{Broken, Figures, Ledger};
use super::site::{PATIENCE, Site};
use crate::api::Api;
use crate::draw::Draw;
use crate::server::has_ended;
use anyhow::{Context as _, Result, bail};
use futures::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// How long a client waits before it asks again after something went wrong.
const PAUSE: Duration = Duration::from_millis(50);
/// The same where the next attempt is another event.
const LONG_PAUSE: Duration = Duration::from_millis(300);
/// How long a client goes on with one step.
const STEP: Duration = PATIENCE;
/// Readers at once.
const READERS: usize = 4;
/// How long a request may take; the server may be stopped, or hang on its disk.
const REQUEST: Duration = Duration::from_secs(20);

/// What has happened in a round, in a number: acknowledgements and statuses seen.
#[derive(Default)]
pub struct Happenings {
    count: AtomicU64,
    more: Notify,
    over: AtomicBool,
}

impl Happenings {
    fn happened(&self) {
        self.count.fetch_add(1, Ordering::SeqCst);
        self.more.notify_waiters();
    }

    /// Waits until so many have happened, or all is over.
    pub async fn reach(&self, count: u64) {
        loop {
            let more = self.more.notified();
            if self.count.load(Ordering::SeqCst) >= count || self.is_over() {
                return;
            }
            more.await;
        }
    }

    /// Whether all flows have ended.
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
        self.more.notify_waiters();
    }
}

/// A request had no answer, or one that says "later".
struct Unknown;

/// Plays flows to their end, whatever happens to the server meanwhile.
pub struct Load<'a> {
    site: &'a Site,
    /// What has happened so far.
    pub happenings: Happenings,
}

impl<'a> Load<'a> {
    /// On this site.
    pub fn new(site: &'a Site) -> Self {
        Self { site, happenings: Happenings::default() }
    }

    fn ledger(&self) -> &Ledger {
        &self.site.ledger
    }

    /// Plays these flows of the ledger. `anew`: as somebody does who does not know how far they were.
    pub async fn run(&self, flows: &[usize], anew: bool, draw: &mut Draw) {
        let readers = (0..READERS).map(|_| self.read(flows, draw.fork())).collect::<Vec<_>>();
        let clients = async {
            join_all(flows.iter().map(|flow| self.pursue(*flow, anew))).await;
            self.happenings.end();
        };
        tokio::join!(clients, join_all(readers));
    }

    async fn pursue(&self, place: usize, anew: bool) {
        let flow = self.ledger().flow(place);
        for step in flow.steps() {
            match tokio::time::timeout(STEP, self.until_done(place, &flow, &step, anew)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    self.ledger().broke(Broken::WrongEnd, format!("{}: {step:?}: {error:#}", flow.id));
                    return;
                }
                Err(_) => {
                    let text = format!("{} stands still at {step:?}: {:?}", flow.id, self.last_seen(&flow).await);
                    self.ledger().broke(Broken::WrongEnd, text);
                    return;
                }
            }
        }
    }

    async fn last_seen(&self, flow: &Flow) -> Option<Value> {
        self.site.api().await.ok()?.status(&flow.id).await.ok()?
    }

    /// Tries a step until it is done. An error is one that no later attempt mends.
    async fn until_done(&self, place: usize, flow: &Flow, step: &Step, anew: bool) -> Result<()> {
        if *step == Step::Ticks {
            return self.tick(place, flow, anew).await;
        }
        let mut is_unknown = anew;
        loop {
            match self.attempt(place, flow, step, is_unknown).await? {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(Unknown) => {
                    Figures::count(&self.ledger().figures.unknown);
                    is_unknown = true;
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn attempt(&self, place: usize, flow: &Flow, step: &Step, is_unknown: bool) -> Result<Result<bool, Unknown>> {
        match step {
            Step::Start => self.start(place, flow, is_unknown).await,
            Step::Until(wanted) => {
                Ok(self.look(place, flow).await.map(|found| found.is_some_and(|(at, _)| at >= *wanted)))
            }
            Step::Exists(id) => Ok(self.get(id).await.map(|found| found.is_some())),
            Step::Raise(to, event, data) => {
                let path = format!("/instances/{to}/raiseEvent/{event}");
                self.post(place, to, (&path, Some(data)), is_unknown).await
            }
            Step::Act(act) => {
                let path = format!("/instances/{}/{act}?reason=torture", flow.id);
                self.post(place, &flow.id, (&path, None), is_unknown).await
            }
            Step::Rewound => self.rewind(place, flow).await,
            Step::End => self.end(place, flow).await,
            Step::Ticks => bail!("ticks are raised one by one"),
        }
    }

    /// One request; what is no answer, or a 5xx, is an unknown outcome.
    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<(StatusCode, Value), Unknown> {
        let api: Api = self.site.api().await.map_err(|_| Unknown)?;
        let answer = tokio::time::timeout(REQUEST, api.call(method, path, body)).await.map_err(|_| Unknown)?;
        match answer {
            Ok((code, body)) if !code.is_server_error() => Ok((code, body)),
            _ => Err(Unknown),
        }
    }

    async fn get(&self, id: &str) -> Result<Option<Value>, Unknown> {
        let (code, body) = self.call(Method::GET, &format!("/instances/{id}?showInput=false"), None).await?;
        Ok((code != StatusCode::NOT_FOUND).then_some(body))
    }

    /// Reads the status of a flow, and takes note of it.
    async fn look(&self, place: usize, flow: &Flow) -> Result<Option<(u64, Value)>, Unknown> {
        let before = self.ledger().shown(place);
        let Some(status) = self.get(&flow.id).await? else {
            if before.is_some() {
                self.ledger().broke(Broken::Lost, format!("{} was shown and is not there", flow.id));
            }
            return Ok(None);
        };
        self.happenings.happened();
        Ok(Some((self.ledger().see(place, before, &status), status)))
    }

    async fn start(&self, place: usize, flow: &Flow, is_unknown: bool) -> Result<Result<bool, Unknown>> {
        // It may be there: one that has ended would be replaced.
        if is_unknown {
            match self.look(place, flow).await {
                Ok(Some(_)) => return Ok(Ok(true)),
                Ok(None) => {}
                Err(Unknown) => return Ok(Err(Unknown)),
            }
        }
        let path = format!("/orchestrators/{}/{}", flow.name(), flow.id);
        match self.call(Method::POST, &path, Some(&flow.input())).await {
            Ok((StatusCode::ACCEPTED, _)) => {
                self.ledger().exists(place);
                Figures::count(&self.ledger().figures.starts);
                self.happenings.happened();
                Ok(Ok(true))
            }
            Ok((StatusCode::CONFLICT, _)) if is_unknown => Ok(Ok(true)),
            Ok((code, body)) => bail!("{code} {body}"),
            Err(Unknown) => Ok(Err(Unknown)),
        }
    }

    async fn post(
        &self,
        place: usize,
        instance: &str,
        (path, data): (&str, Option<&Value>),
        is_unknown: bool,
    ) -> Result<Result<bool, Unknown>> {
        match self.call(Method::POST, path, data).await {
            Ok((StatusCode::ACCEPTED, _)) => {
                self.ledger().delivered(place, instance);
                let figures = &self.ledger().figures;
                Figures::count(if data.is_some() { &figures.events } else { &figures.acts });
                self.happenings.happened();
                Ok(Ok(true))
            }
            // An earlier one has arrived, although its answer did not.
            Ok((StatusCode::GONE | StatusCode::CONFLICT, _)) if is_unknown => Ok(Ok(true)),
            Ok((code, body)) => bail!("{code} {body}"),
            Err(Unknown) => Ok(Err(Unknown)),
        }
    }

    /// Lets a flow go on where it has failed, until it has not.
    async fn rewind(&self, place: usize, flow: &Flow) -> Result<Result<bool, Unknown>> {
        let status = match self.look(place, flow).await {
            Ok(Some((_, status))) => status,
            Ok(None) => return Ok(Ok(false)),
            Err(Unknown) => return Ok(Err(Unknown)),
        };
        if status["runtimeStatus"] != "Failed" {
            return Ok(Ok(status["runtimeStatus"] == "Completed"));
        }
        let path = format!("/instances/{}/rewind?reason=torture", flow.id);
        match self.call(Method::POST, &path, None).await {
            Ok((StatusCode::ACCEPTED, _)) => {
                Figures::count(&self.ledger().figures.acts);
                Ok(Ok(false))
            }
            // It goes on already.
            Ok((StatusCode::PRECONDITION_FAILED | StatusCode::CONFLICT, _)) => Ok(Ok(false)),
            Ok((code, body)) => bail!("{code} {body}"),
            Err(Unknown) => Ok(Err(Unknown)),
        }
    }

    async fn end(&self, place: usize, flow: &Flow) -> Result<Result<bool, Unknown>> {
        // Pushed as they come, while the server is well; asked for otherwise.
        self.watch(place, flow).await;
        let found = match self.look(place, flow).await {
            Ok(found) => found,
            Err(Unknown) => return Ok(Err(Unknown)),
        };
        let Some((_, status)) = found.filter(|(_, status)| has_ended(status)) else { return Ok(Ok(false)) };
        match flow.wrong_end(&status) {
            Some(wrong) => bail!("{wrong}"),
            None => Ok(Ok(true)),
        }
    }

    async fn watch(&self, place: usize, flow: &Flow) {
        let Ok(api) = self.site.api().await else { return };
        // What it shows first is no older than what was known when it was asked.
        let mut before = self.ledger().shown(place);
        let see = |status: Value| {
            let shown = self.ledger().see(place, before, &status);
            before = before.max(Some(shown));
            self.happenings.happened();
            if has_ended(&status) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        // Broken off, or given up: it is asked again.
        let _ = tokio::time::timeout(REQUEST, api.watch(&flow.id, see)).await;
    }

    /// Raises ticks, each once, until the flow has all it waits for; each is in the sum once, or was never acknowledged.
    async fn tick(&self, place: usize, flow: &Flow, anew: bool) -> Result<()> {
        let mut acknowledged = Vec::new();
        let first = if anew { MOST_TICKS / 2 } else { 0 };
        for number in first..MOST_TICKS {
            let path = format!("/instances/{}/raiseEvent/Tick", flow.id);
            let data = Value::from(tick(number));
            match self.call(Method::POST, &path, Some(&data)).await {
                Ok((StatusCode::ACCEPTED, _)) => {
                    self.ledger().delivered(place, &flow.id);
                    Figures::count(&self.ledger().figures.events);
                    self.happenings.happened();
                    acknowledged.push(number);
                }
                Ok((StatusCode::GONE, _)) => break,
                Ok((code, body)) => bail!("{code} {body}"),
                Err(Unknown) => {
                    Figures::count(&self.ledger().figures.unknown);
                    tokio::time::sleep(LONG_PAUSE).await;
                }
            }
            if acknowledged.len() == TICKS {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        let status = loop {
            match self.look(place, flow).await {
                Ok(Some((_, status))) if has_ended(&status) => break status,
                _ => tokio::time::sleep(PAUSE).await,
            }
        };
        let sum = status["output"].as_u64().with_context(|| format!("{} ended as {status}", flow.id))?;
        let counts = ticks_of(sum);
        if counts.iter().any(|count| *count > 1) {
            self.ledger().broke(Broken::Doubled, format!("{}: ticks {counts:?}", flow.id));
        }
        // One that was not acknowledged takes the place of one that was, and that one stays in the inbox.
        let taken = counts.iter().filter(|count| **count > 0).count();
        let strangers = (0..MOST_TICKS).filter(|tick| counts[*tick] > 0 && !acknowledged.contains(tick)).count();
        let missing = acknowledged.iter().filter(|tick| counts[**tick] == 0).count();
        if taken != TICKS || missing > strangers {
            let text = format!("{}: ticks {counts:?}, acknowledged {acknowledged:?}", flow.id);
            self.ledger().broke(Broken::Lost, text);
        }
        Ok(())
    }

    /// Reads statuses and lists, until all is over.
    async fn read(&self, flows: &[usize], mut draw: Draw) {
        while !self.happenings.is_over() {
            let place = flows[draw.index(flows.len())];
            if draw.percent(70) {
                let flow = self.ledger().flow(place);
                let _ = self.look(place, &flow).await;
            } else {
                let _ = self.list(flows, &mut draw).await;
            }
            tokio::time::sleep(PAUSE / 4).await;
        }
    }

    async fn list(&self, flows: &[usize], draw: &mut Draw) -> Result<(), Unknown> {
        let before: Vec<_> = flows.iter().map(|place| (*place, self.ledger().shown(*place))).collect();
        let filter = ["", "&runtimeStatus=Running", "&runtimeStatus=Completed,Failed"][draw.index(3)];
        let (_, page) = self.call(Method::GET, &format!("/instances?top=200&showInput=false{filter}"), None).await?;
        for status in page.as_array().into_iter().flatten() {
            let place = status["instanceId"].as_str().and_then(|id| self.ledger().find(id));
            if let Some((place, before)) = place.and_then(|place| before.iter().find(|(flow, _)| *flow == place)) {
                self.ledger().see(*place, *before, status);
            }
        }
        Ok(())
    }
}
