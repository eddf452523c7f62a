//! What comes from outside while flows are played: kills, broken and full disks, a process that stands still, a clock that
//! jumps. Whoever makes the trouble also keeps the program up, as a supervisor would.

use super::check::check_copy;
use super::control::{Action, Deed, Fault, Kind as File};
use super::flows::{self, KINDS, Kind};
use super::ledger::{Broken, Figures};
use super::load::Happenings;
use super::site::Site;
use crate::draw::Draw;
use anyhow::{Result, ensure};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// How long the program stands still, and how often somebody looks whether a fault was met.
const PAUSE: Duration = Duration::from_millis(150);
/// How long a disk may be full: a fault is met by then, or there is nothing to write.
const FULL: Duration = Duration::from_secs(2);
const HOUR_MS: i64 = 3_600_000;

/// A kind of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// `kill -9`.
    Kill,
    /// A write, truncation or sync fails.
    Io,
    /// The disk is full for a while.
    Full,
    /// The process stands still for a while.
    Stop,
    /// SIGTERM: the server finishes what is under way.
    Terminate,
    /// The wall clock jumps, both ways.
    Clock,
    /// The power goes: see [`super::power`].
    Power,
}

/// Every kind.
pub const TROUBLES: [Trouble; 7] =
    [Trouble::Kill, Trouble::Io, Trouble::Full, Trouble::Stop, Trouble::Terminate, Trouble::Clock, Trouble::Power];

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format!("{self:?}").to_lowercase())
    }
}

impl FromStr for Trouble {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let names = || TROUBLES.map(|trouble| trouble.to_string()).join(", ");
        let found = TROUBLES.into_iter().find(|trouble| trouble.to_string() == text);
        found.ok_or_else(|| anyhow::anyhow!("'{text}' is no kind of trouble; there are {}", names()))
    }
}

impl Trouble {
    /// The flows that can be played under it.
    pub fn kinds(self) -> Vec<Kind> {
        // A timer is due at a time of the wall clock: a flow with one rightly waits for it.
        let has_timer = |kind: &Kind| {
            use Kind::{Approval, BadOrder, FailOnce, MonitorJob, Order, ReserveTicket, StoppedMonitor};
            matches!(kind, Approval | BadOrder | FailOnce | MonitorJob | Order | ReserveTicket | StoppedMonitor)
        };
        KINDS.into_iter().filter(|kind| self != Trouble::Clock || !has_timer(kind)).collect()
    }

    /// Makes it, and keeps the program up until all flows have ended.
    pub async fn make(self, site: &Site, happenings: &Happenings, draw: &mut Draw, about: u64) -> Result<()> {
        match self {
            Trouble::Kill => kills(site, happenings, draw, about).await,
            Trouble::Io => broken_disk(site, happenings, draw, about).await,
            Trouble::Full => full_disk(site, happenings, draw, about).await,
            Trouble::Stop => standstill(site, happenings, draw, about).await,
            Trouble::Terminate => drain(site, happenings, draw, about).await,
            Trouble::Clock => clock(site, happenings, draw, about).await,
            Trouble::Power => Ok(()),
        }?;
        keep_up(site, happenings).await
    }
}

/// Starts the program whenever it has ended, until all flows have.
pub async fn keep_up(site: &Site, happenings: &Happenings) -> Result<()> {
    loop {
        tokio::select! {
            () = happenings.reach(u64::MAX) => return Ok(()),
            ended = site.ended() => {
                ended?;
                start_again(site).await?;
            }
        }
    }
}

/// Looks at what the program has left, and starts it.
pub async fn start_again(site: &Site) -> Result<()> {
    let known = site.ledger.known();
    for (promise, what) in check_copy(&site.data(), &site.ledger, &known)? {
        site.ledger.broke(promise, format!("in the files that were left: {what}"));
    }
    site.start().await
}

async fn kills(site: &Site, happenings: &Happenings, draw: &mut Draw, about: u64) -> Result<()> {
    let mut moments: Vec<u64> = (0..=draw.below(3)).map(|_| 1 + draw.below(about)).collect();
    moments.sort_unstable();
    for moment in moments {
        happenings.reach(moment).await;
        site.stop("KILL").await?;
        Figures::count(&site.ledger.figures.kills);
        start_again(site).await?;
    }
    Ok(())
}

/// A fault at the k-th deed of one kind or several.
pub fn draw_fault(draw: &mut Draw) -> Fault {
    let deeds = match draw.index(5) {
        0 => vec![Deed::Truncate],
        1 | 2 => vec![Deed::Sync],
        _ => vec![Deed::Write],
    };
    let kinds = match draw.index(4) {
        0 => vec![File::Database],
        1 => vec![File::Database, File::Wal],
        _ => vec![File::Wal],
    };
    let action = if draw.percent(70) { Action::Eio } else { Action::Enospc };
    Fault { deeds, kinds, after: draw.below(60), length: [1, 1, 3][draw.index(3)], action, tears: draw.percent(50) }
}

async fn broken_disk(site: &Site, happenings: &Happenings, draw: &mut Draw, about: u64) -> Result<()> {
    happenings.reach(1 + draw.below(about / 2)).await;
    let (fault, before) = (draw_fault(draw), site.control.fired()?);
    site.control.arm(&fault)?;
    // Until it is met, or all is done without.
    let met = || anyhow::Ok(site.control.fired()? > before);
    while !met()? && !happenings.is_over() && !site.has_ended() {
        tokio::time::sleep(PAUSE).await;
    }
    if met()? && !happenings.is_over() {
        expect_after(&fault, site).await?;
    }
    // Where the fault lies in wait for a checkpoint, the end of the process makes one. A start may meet it, too.
    site.stop("TERM").await?;
    if site.control.fired()? > before {
        Figures::count(&site.ledger.figures.faults);
    }
    start_again(site).await?;
    site.control.disarm()
}

/// What the program has to do about a fault: end where it cannot know what is on the disk, go on where the disk is full.
async fn expect_after(fault: &Fault, site: &Site) -> Result<()> {
    // SQLite may leave a file longer than it has to be: that is no error. A disk that is full under a sync is a broken one.
    let is_full = fault.action == Action::Enospc && !fault.deeds.contains(&Deed::Sync);
    let ends = !is_full && !fault.deeds.contains(&Deed::Truncate);
    let ended = tokio::time::timeout(PAUSE * 10, site.ended()).await;
    let text = |what: &str| format!("{what} after {fault:?}");
    match (ends, ended) {
        (true, Err(_)) => site.ledger.broke(Broken::WrongEndOfProcess, text("the program went on")),
        (true, Ok(Ok(status))) if status.success() => {
            site.ledger.broke(Broken::WrongEndOfProcess, text("the program said that all was well"));
        }
        (false, Ok(_)) if is_full => {
            site.ledger.broke(Broken::WrongEndOfProcess, text("the program ended"));
        }
        _ => {}
    }
    Ok(())
}

async fn full_disk(site: &Site, happenings: &Happenings, draw: &mut Draw, about: u64) -> Result<()> {
    happenings.reach(1 + draw.below(about / 2)).await;
    let before = site.control.fired()?;
    site.control.arm(&Fault {
        deeds: vec![Deed::Write, Deed::Create],
        kinds: vec![File::Database, File::Wal, File::Other],
        after: draw.below(20),
        length: u64::MAX,
        action: Action::Enospc,
        tears: draw.percent(50),
    })?;
    // Also over a start, which must wait for room or do without.
    tokio::time::sleep(FULL).await;
    if site.control.fired()? > before {
        Figures::count(&site.ledger.figures.faults);
        if let Err(error) = reads_go_on(site).await {
            site.ledger.broke(Broken::WrongEndOfProcess, format!("while the disk was full: {error:#}"));
        }
    }
    site.control.disarm()
}

async fn reads_go_on(site: &Site) -> Result<()> {
    ensure!(!site.has_ended(), "the program has ended");
    let page = tokio::time::timeout(FULL * 5, site.api().await?.list("top=5&showInput=false")).await??;
    ensure!(!page.is_empty() || site.ledger.known().is_empty(), "the list is empty");
    Ok(())
}

async fn standstill(site: &Site, happenings: &Happenings, draw: &mut Draw, about: u64) -> Result<()> {
    for part in 1..=3 {
        happenings.reach(part * draw.below(about) / 3).await;
        site.signal("STOP")?;
        tokio::time::sleep(PAUSE * 2).await;
        site.signal("CONT")?;
        Figures::count(&site.ledger.figures.faults);
    }
    Ok(())
}

async fn drain(site: &Site, happenings: &Happenings, draw: &mut Draw, about: u64) -> Result<()> {
    happenings.reach(1 + draw.below(about)).await;
    let status = site.stop("TERM").await?;
    if !status.success() {
        site.ledger.broke(Broken::WrongEndOfProcess, format!("it was asked to stop, and ended with {status}"));
    }
    Figures::count(&site.ledger.figures.faults);
    start_again(site).await
}

async fn clock(site: &Site, happenings: &Happenings, draw: &mut Draw, about: u64) -> Result<()> {
    for part in 1..=4 {
        happenings.reach(part * about / 5).await;
        let by_ms = [HOUR_MS, -HOUR_MS, 24 * HOUR_MS, -24 * HOUR_MS, 0][draw.index(5)];
        site.control.shift_clock_ms(by_ms)?;
        Figures::count(&site.ledger.figures.faults);
        if let Err(error) = a_wait_ends(site).await {
            site.ledger.broke(Broken::WrongEnd, format!("the clock was set by {by_ms} ms: {error:#}"));
        }
    }
    site.control.shift_clock_ms(0)
}

/// A long poll waits as long as it was told to, whatever the wall clock says.
async fn a_wait_ends(site: &Site) -> Result<()> {
    let api = site.api().await?;
    let id = flows::Flow::new(Kind::Park, "clock", 0).id;
    if api.status(&id).await?.is_none() {
        api.start("Park", &id, &serde_json::Value::Null).await?;
    }
    let wait = api.status_within(&id, 1);
    // In the middle of it.
    let set_back = async {
        tokio::time::sleep(PAUSE).await;
        site.control.shift_clock_ms(-HOUR_MS)
    };
    let (answer, set) = tokio::join!(tokio::time::timeout(FULL * 5, wait), set_back);
    set?;
    answer.map_err(|_| anyhow::anyhow!("`Prefer: wait=1` did not end"))??;
    Ok(())
}
