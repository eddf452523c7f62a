//! Rounds that end in power losses: everything that is done to the files is recorded, and afterwards the power goes at
//! many moments of the recording. What was known by then must be in what is left.

use super::check::{Findings, check, check_copy};
use super::control::{Action, Deed, Fault, Kind as File};
use super::disk::Disk;
use super::ends_are_right;
use super::flows::{self, Flow, KINDS, Kind};
use super::ledger::{Fact, Figures, Known, Ledger};
use super::load::{Happenings, Load};
use super::recording::{self, Done};
use super::site::{Setting, Site, data_below};
use super::trouble::{keep_up, start_again};
use crate::api::Api;
use crate::draw::Draw;
use crate::service::Received;
use anyhow::{Context as _, Result, ensure};
use dacapo_store::sqlite::FILE_NAME;
use rusqlite::{Connection, OpenFlags};
use serde_json::json;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// Moments of a recording at which the power goes, of each sort.
const MOMENTS: usize = 12;
/// The same where each image is large.
const FEW_MOMENTS: usize = 2;
/// Power losses at each of them.
const IMAGES: usize = 2;
/// On so many images of a round the program is started, and everything is played to its end.
const PLAYED: usize = 2;
/// How often somebody looks whether something has happened to the files.
const PAUSE: Duration = Duration::from_millis(20);
/// Large inputs that are started at most to make a checkpoint come: more than any log holds.
const FILLERS: usize = 250;

/// What happens before the power goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// The load, on a fresh folder.
    Plain,
    /// The process dies just before or after writes and syncs.
    Deaths,
    /// Syncs and writes fail.
    BrokenDisk,
    /// The sync of a log fails, and a new process goes on with that log.
    HoleInTheLog,
    /// The process dies between a write of the log and its sync, and a new one shows what it finds.
    UnsyncedRecovery,
    /// A reader splits a checkpoint, whose rest meets a failing sync; the next one succeeds.
    SplitCheckpoint,
}

/// Every scenario.
pub const SCENARIOS: [Scenario; 6] = [
    Scenario::Plain,
    Scenario::Deaths,
    Scenario::BrokenDisk,
    Scenario::HoleInTheLog,
    Scenario::UnsyncedRecovery,
    Scenario::SplitCheckpoint,
];

/// One round; its ledger says what was found.
pub async fn round(scenario: Scenario, count: usize, draw: &mut Draw) -> Result<Arc<Ledger>> {
    let site = Site::new(Setting { recorded: true, ..Setting::default() }, None).await?;
    site.start().await?;
    site.deploy().await?;
    match scenario {
        Scenario::Plain => play(&site, count, &[], draw).await?,
        Scenario::Deaths => {
            let faults = (0..3).map(|_| death(draw)).collect::<Vec<_>>();
            play(&site, count, &faults, draw).await?;
        }
        Scenario::BrokenDisk => {
            let faults = (0..2).map(|_| broken(draw)).collect::<Vec<_>>();
            play(&site, count, &faults, draw).await?;
        }
        Scenario::HoleInTheLog => hole_in_the_log(&site, draw).await?,
        Scenario::UnsyncedRecovery => unsynced_recovery(&site).await?,
        Scenario::SplitCheckpoint => split_checkpoint(&site).await?,
    }
    // Nothing is tidied up.
    die(&site, 0).await?;
    Figures::count(&site.ledger.figures.rounds);
    ensure!(site.control.loaded()? > 0, "the library was not loaded: is the program linked statically?");
    let images = lose_power(&site, scenario, draw)?;
    for image in images {
        go_on(&site, image, draw).await?;
    }
    Ok(site.ledger.clone())
}

fn death(draw: &mut Draw) -> Fault {
    Fault {
        deeds: vec![[Deed::Write, Deed::Sync][draw.index(2)]],
        kinds: vec![File::Wal],
        after: draw.below(100),
        length: 1,
        action: [Action::DieBefore, Action::DieAfter][draw.index(2)],
        tears: false,
    }
}

fn broken(draw: &mut Draw) -> Fault {
    Fault {
        deeds: vec![[Deed::Write, Deed::Sync][draw.index(2)]],
        kinds: vec![File::Wal],
        after: draw.below(60),
        length: 1,
        action: Action::Eio,
        tears: draw.percent(50),
    }
}

/// Plays so many flows, while faults are met one after the other.
async fn play(site: &Site, count: usize, faults: &[Fault], draw: &mut Draw) -> Result<()> {
    let kinds: Vec<Kind> = KINDS.into_iter().filter(|kind| *kind != Kind::BigPark).collect();
    let flows = site.ledger.add(flows::mix("power", count, &kinds, draw));
    let load = Load::new(site);
    let mut outside = draw.fork();
    let trouble = async {
        for fault in faults {
            meet(site, fault, &load.happenings, &mut outside).await?;
        }
        keep_up(site, &load.happenings).await
    };
    let ((), made) = tokio::join!(load.run(&flows, false, draw), trouble);
    made?;
    site.control.disarm()
}

/// Waits until the fault was met; soon after it, the process is another one.
async fn meet(site: &Site, fault: &Fault, happenings: &Happenings, draw: &mut Draw) -> Result<()> {
    let before = site.control.fired()?;
    site.control.arm(fault)?;
    while site.control.fired()? == before && !happenings.is_over() {
        tokio::time::sleep(PAUSE).await;
    }
    if site.control.fired()? > before {
        Figures::count(&site.ledger.figures.faults);
        die(site, draw.below(30)).await?;
        start_again(site).await?;
    }
    Ok(())
}

/// Lets the process die at one of its next deeds: a kill from outside could fall between a write and its record.
async fn die(site: &Site, after: u64) -> Result<()> {
    let deeds = vec![Deed::Write, Deed::Sync];
    let kinds = vec![File::Database, File::Wal];
    site.control.arm(&Fault { deeds, kinds, after, length: 1, action: Action::DieBefore, tears: false })?;
    // One that is at rest writes nothing: it can be killed.
    let _ = tokio::time::timeout(PAUSE * 25, site.ended()).await;
    site.control.disarm()?;
    site.stop("KILL").await?;
    Figures::count(&site.ledger.figures.kills);
    Ok(())
}

/// Starts flows that rest at once; what is acknowledged stands in the ledger.
async fn park(site: &Site, api: &Api, round: &str, count: usize) -> Result<usize> {
    let flows = site.ledger.add((0..count).map(|n| Flow::new(Kind::Park, round, n)).collect());
    let mut acknowledged = 0;
    for place in flows {
        let flow = site.ledger.flow(place);
        if api.start(flow.name(), &flow.id, &flow.input()).await.is_ok() {
            site.ledger.exists(place);
            Figures::count(&site.ledger.figures.starts);
            acknowledged += 1;
        }
    }
    Ok(acknowledged)
}

/// The sync of the log fails once; what the next process acknowledges must not stand behind a hole.
async fn hole_in_the_log(site: &Site, draw: &mut Draw) -> Result<()> {
    park(site, &site.api().await?, "before", 5).await?;
    site.control.arm(&Fault::next(Deed::Sync, File::Wal, Action::Eio))?;
    let _ = park(site, &site.api().await?, "broken", 1).await;
    ensure!(site.control.fired()? == 1, "the sync of the log did not fail");
    Figures::count(&site.ledger.figures.faults);
    // At rest, or ended by itself.
    site.stop(["KILL", "TERM"][draw.index(2)]).await?;
    start_again(site).await?;
    ensure!(park(site, &site.api().await?, "after", 10).await? == 10, "a start was refused");
    Ok(())
}

/// The process dies after the log was written, and before it is synced; the next one shows what it finds there.
async fn unsynced_recovery(site: &Site) -> Result<()> {
    let api = site.api().await?;
    park(site, &api, "before", 5).await?;
    let place = site.ledger.find(&Flow::new(Kind::Park, "before", 0).id).context("it was added")?;
    let flow = site.ledger.flow(place);
    // The event is the first commit; its turn, with which the flow ends, the second one.
    site.control.arm(&Fault { after: 1, ..Fault::next(Deed::Sync, File::Wal, Action::DieBefore) })?;
    // The answer comes, or the connection breaks.
    if api.raise(&flow.id, "Go", &json!(flow.id)).await.is_ok() {
        site.ledger.delivered(place, &flow.id);
    }
    site.ended().await?;
    Figures::count(&site.ledger.figures.faults);
    start_again(site).await?;
    let api = site.api().await?;
    let before = site.ledger.shown(place);
    let status = api.status(&flow.id).await?.context("it was started")?;
    site.ledger.see(place, before, &status);
    Ok(())
}

/// A reader from outside holds the log while a checkpoint runs; then the sync of the database fails, and the next one
/// succeeds.
async fn split_checkpoint(site: &Site) -> Result<()> {
    fill(site, "a", 20, || Ok(false)).await?;
    let reader = hold(&site.data())?;
    let written = || site.control.done(Deed::Write, File::Database);
    let before = written()?;
    fill(site, "b", FILLERS, || Ok(written()? > before)).await?;
    let (synced, fired) = (|| site.control.done(Deed::Sync, File::Database), || site.control.fired());
    site.control.arm(&Fault::next(Deed::Sync, File::Database, Action::Eio))?;
    drop(reader);
    fill(site, "c", FILLERS, || Ok(fired()? > 0 || site.has_ended())).await?;
    Figures::count(&site.ledger.figures.faults);
    // What ends the process is what has to happen; a supervisor starts it again.
    if tokio::time::timeout(PAUSE * 25, site.ended()).await.is_ok() {
        start_again(site).await?;
    }
    let before = synced()?;
    fill(site, "d", FILLERS, || Ok(synced()? > before)).await?;
    // The log begins anew.
    fill(site, "e", 20, || Ok(false)).await
}

/// A read transaction of another process.
fn hold(data: &Path) -> Result<Connection> {
    let reader = Connection::open_with_flags(data.join(FILE_NAME), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    reader.execute_batch("BEGIN")?;
    reader.query_row("SELECT count(*) FROM instances", [], |row| row.get::<_, i64>(0))?;
    Ok(reader)
}

/// Starts flows with large inputs until it is `enough`.
async fn fill(site: &Site, round: &str, most: usize, enough: impl Fn() -> Result<bool>) -> Result<()> {
    for n in 0..most {
        if enough()? {
            break;
        }
        let place = site.ledger.add(vec![Flow::new(Kind::BigPark, round, n)])[0];
        let flow = site.ledger.flow(place);
        let api = site.api().await?;
        if api.start(flow.name(), &flow.id, &flow.input()).await.is_ok() {
            site.ledger.exists(place);
            Figures::count(&site.ledger.figures.starts);
        } else if site.has_ended() {
            break;
        }
    }
    Ok(())
}

/// A folder after a power loss, and what was known by then.
struct Image {
    folder: TempDir,
    known: Vec<Known>,
    text: String,
}

/// Lets the power go at drawn moments; returns some of the images.
fn lose_power(site: &Site, scenario: Scenario, draw: &mut Draw) -> Result<Vec<Image>> {
    let log = site.recording()?;
    let records = recording::read(&log)?;
    let mut disk = Disk::new(site.root());
    let count = if scenario == Scenario::SplitCheckpoint { FEW_MOMENTS } else { MOMENTS };
    let moments = moments(site, &records, count, draw);
    let (mut failures, mut kept) = (draw.fork(), Vec::new());
    for (at, done) in &records {
        disk.apply(done, &mut failures)?;
        if moments.contains(at) {
            for _ in 0..IMAGES {
                let image = Image::at(*at, scenario, site)?;
                disk.lose_power(image.folder.path(), draw)?;
                // Looking at it changes it.
                if draw.percent(5) {
                    image.look(site, check_copy)?;
                    kept.push(image);
                } else {
                    image.look(site, check)?;
                }
            }
        }
    }
    for name in [FILE_NAME.to_owned(), format!("{FILE_NAME}-wal")] {
        let path = site.data().join(name);
        if path.exists() {
            disk.ensure_like(&path)?;
        }
    }
    while kept.len() > PLAYED {
        kept.swap_remove(draw.index(kept.len()));
    }
    Ok(kept)
}

impl Image {
    fn at(moment: u64, scenario: Scenario, site: &Site) -> Result<Self> {
        let text = format!("{scenario:?}, power lost at {moment}");
        Ok(Self { folder: tempfile::tempdir()?, known: site.ledger.known_at(moment), text })
    }

    /// Whether all that was known is in it.
    fn look(&self, site: &Site, look: fn(&Path, &Ledger, &[Known]) -> Result<Findings>) -> Result<()> {
        Figures::count(&site.ledger.figures.images);
        for (promise, what) in look(&data_below(self.folder.path()), &site.ledger, &self.known)? {
            site.ledger.broke(promise, format!("{}: {what}", self.text));
        }
        Ok(())
    }
}

/// Some moments anywhere, some where something became known, some around syncs, and the last one.
fn moments(site: &Site, records: &[(u64, Done<'_>)], count: usize, draw: &mut Draw) -> BTreeSet<u64> {
    let mut moments = BTreeSet::new();
    let known = site.ledger.moments();
    let interesting = |done: &Done<'_>| matches!(done, Done::SyncBegun(_) | Done::Cut { .. } | Done::Begun);
    let around: Vec<usize> = (0..records.len()).filter(|place| interesting(&records[*place].1)).collect();
    for _ in 0..count {
        moments.insert(records[draw.index(records.len())].0);
        if !around.is_empty() {
            let place = around[draw.index(around.len())] + draw.index(3);
            moments.insert(records[place.min(records.len() - 1)].0);
        }
        // The first records of a folder are few, and of their own kind.
        moments.insert(records[draw.index(records.len().min(400))].0);
        if !known.is_empty() {
            let at = known[draw.index(known.len())];
            moments.extend(records.iter().map(|(end, _)| *end).find(|end| *end >= at));
        }
    }
    moments.extend(records.last().map(|(end, _)| *end));
    moments
}

/// Starts the program on an image, and plays everything that was known to the end.
async fn go_on(site: &Site, image: Image, draw: &mut Draw) -> Result<()> {
    let ledger = Arc::new(Ledger::default());
    let known: BTreeSet<usize> =
        image.known.iter().filter(|known| known.fact == Fact::Exists).map(|known| known.flow).collect();
    let flows = ledger.add(known.iter().map(|place| site.ledger.flow(*place)).collect());
    let setting = Setting { copy_of: Some(image.folder.path().to_owned()), ..Setting::default() };
    let after = Site::new(setting, Some(ledger.clone())).await?;
    after.start().await.with_context(|| image.text.clone())?;
    // What was not durable when the power went has to be there for the rest.
    after.deploy().await?;
    if !flows.is_empty() {
        Load::new(&after).run(&flows, true, draw).await;
    }
    let calls: Vec<Received> = site.calls().into_iter().chain(after.calls()).collect();
    ends_are_right(&after, &flows, &calls).await?;
    after.stop("TERM").await?;
    Figures::count(&site.ledger.figures.played);
    for (promise, what) in ledger.broken() {
        site.ledger.broke(promise, format!("{}, played on: {what}", image.text));
    }
    Ok(())
}
