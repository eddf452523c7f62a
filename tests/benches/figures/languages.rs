//! What a module costs in each language: to store, to deploy, to keep in memory, to play again.

use crate::figures::{Table, median};
use crate::http::{self, Connection};
use crate::load;
use crate::subject::Subject;
use anyhow::{Result, ensure};
use dacapo_tests::server::{guest, sample_in};
use std::path::Path;
use std::time::Instant;

/// A language, and what the same took in the trials that its toolchain was chosen by: KiB of the module, seconds to compile
/// it, KiB of a parked instance. `None`: it was not tried.
type Trial = (&'static str, [Option<f64>; 3]);

const TRIALS: [Trial; 6] = [
    // The module of its trial had neither SDK nor JSON library: see `bare`.
    ("rust", [None, None, Some(49.0)]),
    ("js", [Some(1_649.0), Some(1.4), Some(230.0)]),
    ("ts", [None; 3]),
    ("python", [Some(17_920.0), Some(8.0), Some(1_480.0)]),
    ("go", [Some(4_403.0), Some(3.5), Some(1_010.0)]),
    ("c", [Some(18.5), Some(0.02), Some(44.0)]),
];

/// The same of a module in Rust that has the bindings of the contract and nothing else.
const BARE: [Option<f64>; 3] = [Some(48.0), Some(0.1), None];

/// At most so many times the figure of the trial.
const GOAL: Option<f64> = Some(-1.5);

/// Instances that are parked to see what each takes.
const PARKED: usize = 100;
/// How often a turn is timed.
const TURNS: usize = 20;

pub(crate) async fn run(table: &Table, data: &Path) -> Result<()> {
    deploy(table, ("rust without the SDK", BARE), &Subject::serve(data, &[])?, &guest("two-steps")).await?;
    for trial in TRIALS {
        let language = trial.0;
        let data = data.with_extension(language);
        let subject = Subject::serve(&data, &[])?;
        deploy(table, trial, &subject, &sample_in(language, "Status")).await?;
        park(&subject, "first", 1).await?;
        let before = subject.private_dirty_kib()?;
        park(&subject, "p", PARKED).await?;
        let kib = (subject.private_dirty_kib()? - before) / PARKED as f64;
        show(table, trial, 2, "KiB of its own that a parked instance holds", kib);
        table.plain("lang", "  ms from an event to the end, warm", finish(&subject, "p", TURNS).await?);
        drop(subject);
        let subject = Subject::serve(&data, &["--warm-memory-mib", "0"])?;
        // The first one maps the compiled module.
        finish(&subject, "first", 1).await?;
        park(&subject, "cold", PARKED).await?;
        table.plain("lang", "  ms from an event to the end, cold", finish(&subject, "cold", TURNS).await?);
    }
    Ok(())
}

async fn deploy(table: &Table, trial: Trial, subject: &Subject, file: &Path) -> Result<()> {
    let deployed = subject.deploy("Status", file).await?.as_secs_f64();
    show(table, trial, 0, "KiB of a module", file.metadata()?.len() as f64 / 1_024.0);
    show(table, trial, 1, "s to deploy it", deployed);
    Ok(())
}

/// Beside what it was in the trial, if it was tried.
fn show(table: &Table, (language, trial): Trial, at: usize, what: &str, figure: f64) {
    let what = format!("{language}: {what}");
    match trial[at] {
        Some(tried) => table.ratio("lang", &what, (figure, tried), GOAL),
        None => table.plain("lang", &what, figure),
    }
}

/// Starts so many instances that wait for the event `Done`, and waits until they do.
async fn park(subject: &Subject, prefix: &str, count: usize) -> Result<()> {
    let mut connections: Vec<Connection> = subject.connections(4).await?;
    let requests = (0..count).map(|n| http::start("StatusTest", &format!("{prefix}{n}"), "null"));
    load::send(&mut connections, 202, requests).await?;
    subject.until_none("Pending").await?;
    let found = connections[0].call(&http::status(&format!("{prefix}{}", count - 1)), 202).await?;
    ensure!(String::from_utf8_lossy(found).contains("nextActions"), "it is parked");
    Ok(())
}

/// Raises the event to one instance after the other; the median of the times until its end was seen.
async fn finish(subject: &Subject, prefix: &str, count: usize) -> Result<f64> {
    let mut connection = subject.connection().await?;
    let mut took = Vec::new();
    for n in 0..count {
        let id = format!("{prefix}{n}");
        let (raise, status) = (http::raise(&id, "Done", "null"), http::status(&id));
        let begun = Instant::now();
        connection.call(&raise, 202).await?;
        while connection.answer(&status).await?.0 != 200 {}
        took.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    Ok(median(took))
}
