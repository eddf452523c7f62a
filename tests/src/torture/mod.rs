//! Faults from outside: the real program under load, with an outside ledger of what it has promised.
//!
//! | module | holds |
//! |---|---|
//! | `flows` | what is played, and how it has to end |
//! | `ledger` | what the world knows: acknowledged, seen, called; and what was broken of that |
//! | `site` | a data folder with the program on it, and the services that it calls |
//! | `load` | clients and readers |
//! | `trouble` | what comes from outside, and the supervisor |
//! | `library`, `control` | what stands between the program and its disk, and how it is steered |
//! | `recording`, `disk` | what was done to the files, and what of it a power loss leaves |
//! | `power` | rounds that end in power losses |
//! | `check` | a data folder against the ledger |

pub mod check;
pub mod control;
pub mod disk;
pub mod flows;
pub mod ledger;
pub mod library;
pub mod load;
pub mod power;
pub mod recording;
pub mod site;
pub mod trouble;

use crate::draw::Draw;
use anyhow::Result;
use ledger::{Broken, Figures, Ledger};
use load::Load;
use site::{Setting, Site, wrong_calls};
use std::fmt::Write as _;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use trouble::Trouble;

/// Instances of a round that is recorded, at most.
const MOST_RECORDED: usize = 42;
/// Rounds on one data folder.
const ROUNDS_PER_SITE: u64 = 8;
/// About as many things happen to a flow in a round: requests that are acknowledged, statuses that are seen.
const HAPPENINGS_PER_FLOW: u64 = 6;

/// How much torture, and which.
#[derive(Clone, Debug)]
pub struct Torture {
    /// The kinds, in turns.
    pub troubles: Vec<Trouble>,
    /// Rounds in all.
    pub rounds: u64,
    /// No round begins after so long.
    pub time: Duration,
    /// What determines everything that is drawn.
    pub seed: u64,
    /// Instances of a round.
    pub flows: usize,
}

/// What came of one kind.
pub struct Report {
    /// The kind.
    pub trouble: Trouble,
    /// What was done.
    pub figures: Figures,
    /// What was broken.
    pub broken: Vec<(Broken, String)>,
}

impl Report {
    fn new(trouble: Trouble) -> Self {
        Self { trouble, figures: Figures::default(), broken: Vec::new() }
    }

    fn take(&mut self, ledger: &Ledger) {
        self.figures.add(&ledger.figures);
        self.broken.extend(ledger.broken());
    }

    /// A line for people, and what was broken.
    pub fn text(&self) -> String {
        let count = |promise: Broken| self.broken.iter().filter(|(broken, _)| *broken == promise).count();
        let names = [
            (Broken::Lost, "lost"),
            (Broken::Doubled, "doubled"),
            (Broken::WentBack, "went back"),
            (Broken::Malformed, "malformed"),
            (Broken::WrongEnd, "wrong ends"),
            (Broken::WrongEndOfProcess, "wrong ends of the process"),
        ];
        let mut text = format!("{}: {}", self.trouble, self.figures);
        for (promise, name) in names {
            let _ = write!(text, ", {name} {}", count(promise));
        }
        for (promise, what) in self.broken.iter().take(20) {
            let _ = write!(text, "\n    {promise:?}: {what}");
        }
        text
    }
}

impl Torture {
    /// All of it, kind after kind in turns of some rounds; what came of each.
    pub async fn run(&self) -> Result<Vec<Report>> {
        let (begun, mut rounds) = (Instant::now(), 0);
        let mut reports: Vec<Report> = self.troubles.iter().map(|trouble| Report::new(*trouble)).collect();
        let mut turn = 0;
        while rounds < self.rounds && begun.elapsed() < self.time {
            for report in &mut reports {
                if rounds >= self.rounds || begun.elapsed() >= self.time {
                    break;
                }
                // A kind of its own seed: leaving others out does not change what happens in it.
                let seed = self.seed ^ (turn << 8) ^ report.trouble as u64;
                let left = self.rounds - rounds;
                rounds += match report.trouble {
                    Trouble::Power => self.power(seed, turn, report).await?,
                    _ => self.site(seed, left.min(ROUNDS_PER_SITE), begun, report).await?,
                };
                println!("[{:>5.0} s] seed {} turn {turn} {}", begun.elapsed().as_secs_f64(), self.seed, report.text());
            }
            turn += 1;
        }
        Ok(reports)
    }

    /// One round: each of a kind of its own, in turns.
    async fn power(&self, seed: u64, turn: u64, report: &mut Report) -> Result<u64> {
        let scenarios = power::SCENARIOS.len() as u64;
        let scenario = power::SCENARIOS[usize::try_from(self.seed.wrapping_add(turn) % scenarios)?];
        let ledger = power::round(scenario, self.flows.min(MOST_RECORDED), &mut Draw::of(seed)).await?;
        report.take(&ledger);
        Ok(1)
    }

    /// Some rounds on one data folder; at last, all that was ever played on it is looked at again.
    async fn site(&self, seed: u64, rounds: u64, begun: Instant, report: &mut Report) -> Result<u64> {
        let mut draw = Draw::of(seed);
        // Every other folder is played without warm instances.
        let args = if draw.percent(50) { vec!["--warm-memory-mib".to_owned(), "0".to_owned()] } else { vec![] };
        let site = Site::new(Setting { args, ..Setting::default() }, None).await?;
        site.start().await?;
        site.deploy().await?;
        let mut played = 0;
        while played < rounds && begun.elapsed() < self.time {
            let mix = flows::mix(&format!("{seed:x}-{played}"), self.flows, &report.trouble.kinds(), &mut draw);
            let flows = site.ledger.add(mix);
            let load = Load::new(&site);
            let about = HAPPENINGS_PER_FLOW * flows.len() as u64;
            let (mut clients, mut outside) = (draw.fork(), draw.fork());
            let trouble = report.trouble.make(&site, &load.happenings, &mut outside, about);
            let ((), made) = tokio::join!(load.run(&flows, false, &mut clients), trouble);
            made?;
            Figures::count(&site.ledger.figures.rounds);
            played += 1;
        }
        let all: Vec<usize> = (0..site.ledger.len()).collect();
        ends_are_right(&site, &all, &site.calls()).await?;
        if site.control.loaded()? == 0 {
            anyhow::bail!("the library was not loaded: is the program linked statically?");
        }
        site.stop("TERM").await?;
        report.take(&site.ledger);
        if !site.ledger.broken().is_empty() {
            println!("the log ends with:\n{}", tail(&site.log()));
        }
        Ok(played)
    }
}

/// That every flow shows the end that it has to have, and has called whom it had to.
pub async fn ends_are_right(site: &Site, flows: &[usize], calls: &[crate::service::Received]) -> Result<()> {
    let api = site.api().await?;
    for place in flows {
        let flow = site.ledger.flow(*place);
        let before = site.ledger.shown(*place);
        match api.status(&flow.id).await? {
            None => site.ledger.broke(Broken::Lost, format!("{} is not there at the end", flow.id)),
            Some(status) => {
                site.ledger.see(*place, before, &status);
                if let Some(wrong) = flow.wrong_end(&status) {
                    site.ledger.broke(Broken::WrongEnd, wrong);
                }
            }
        }
        if let Some(wrong) = wrong_calls(&flow, calls) {
            site.ledger.broke(Broken::Doubled, wrong);
        }
    }
    Ok(())
}

/// The end of a log, for people.
pub fn tail(log: &std::path::Path) -> String {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}

impl Figures {
    fn add(&self, other: &Figures) {
        for (mine, theirs) in self.all().into_iter().zip(other.all()) {
            mine.1.fetch_add(theirs.1.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }
}
