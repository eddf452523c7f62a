//! One function for each workload.

use crate::bare::Bare;
use crate::figures::{Table, median};
use crate::floor::Floor;
use crate::http::{self, Connection};
use crate::languages;
use crate::load::{self, during};
use crate::options::{ALL, Options};
use crate::subject::{Subject, folder_bytes};
use anyhow::{Result, bail, ensure};
use std::path::Path;
use std::time::{Duration, Instant};

/// Connections of a load that has many requests under way.
const IN_FLIGHT: usize = 64;
/// Connections that read statuses.
const READERS: usize = 32;

/// Runs what was asked for.
pub(crate) async fn run(options: &Options) -> Result<()> {
    let folder = options.folder()?;
    println!("in {}: medians of {} rounds", folder.path().display(), options.rounds);
    let mut bench = Bench { options, floor: Floor::new(folder.path())?, table: Table::begin() };
    bench.disk()?;
    for workload in ALL.into_iter().filter(|workload| options.wants(workload)) {
        bench.run(workload, &folder.path().join(workload)).await?;
    }
    Ok(())
}

struct Bench<'a> {
    options: &'a Options,
    floor: Floor,
    table: Table,
}

impl Bench<'_> {
    async fn run(&self, workload: &str, data: &Path) -> Result<()> {
        match workload {
            "w1" => self.one_long_chain(data).await,
            "w2" => self.many_chains(data).await,
            "w3" => self.starts(data).await,
            "w4" => self.parked(data).await,
            "w5" => self.reads(data).await,
            "w6" => self.events(data).await,
            "w8" => self.ready(data).await,
            "w10" => self.fan_out(data).await,
            "languages" => languages::run(&self.table, data).await,
            other => bail!("no workload is called {other}"),
        }
    }

    fn disk(&mut self) -> Result<()> {
        let (mut pages, mut commits) = (Vec::new(), Vec::new());
        for _ in 0..self.options.rounds {
            pages.push(self.floor.pages()?);
            commits.push(self.floor.commits()?);
        }
        self.table.plain("floor", "fdatasync of a 4 KiB overwrite /s", median(pages));
        self.table.plain("floor", "one-row SQLite commits, WAL, FULL /s", median(commits));
        self.table.plain("floor", "  p99 ms", self.floor.p99_ms());
        Ok(())
    }

    /// Takes a figure in each round, right after the floor that it is compared with.
    async fn beside_commits(&self, mut figure: impl AsyncFnMut() -> Result<f64>) -> Result<(f64, f64)> {
        let (mut figures, mut floors) = (Vec::new(), Vec::new());
        for _ in 0..self.options.rounds {
            floors.push(self.floor.commits()?);
            figures.push(figure().await?);
        }
        Ok((median(figures), median(floors)))
    }

    async fn one_long_chain(&self, data: &Path) -> Result<()> {
        let subject = Subject::with_workloads(data, &[]).await?;
        let mut connection = subject.connection().await?;
        let cpu = subject.cpu()?;
        let both = self
            .beside_commits(async || {
                let begun = Instant::now();
                connection.call(&http::start_and_wait("Steps", "1000"), 200).await?;
                Ok(1_000.0 / begun.elapsed().as_secs_f64())
            })
            .await?;
        self.table.ratio("W1", "steps/s, one instance of 1,000; beside one-row commits", both, Some(0.4));
        self.table.plain("W1", "  µs of CPU a step", subject.cpu_us_each(cpu, 1_000 * self.options.rounds)?);
        Ok(())
    }

    async fn many_chains(&self, data: &Path) -> Result<()> {
        let subject = Subject::with_workloads(data, &[]).await?;
        let (mut connections, cpu) = (subject.connections(200).await?, subject.cpu()?);
        let (steps, floor) = self
            .beside_commits(async || {
                let begun = Instant::now();
                let requests = (0..200).map(|_| http::start_and_wait("Steps", "20"));
                load::send(&mut connections, 200, requests).await?;
                Ok(4_000.0 / begun.elapsed().as_secs_f64())
            })
            .await?;
        self.table.goal("W2", "steps/s, 200 instances of 20", steps, 10_000.0);
        self.table.ratio("W2", "  beside one-row commits", (steps, floor), None);
        self.table.plain("W2", "  µs of CPU a step", subject.cpu_us_each(cpu, 4_000 * self.options.rounds)?);
        Ok(())
    }

    async fn fan_out(&self, data: &Path) -> Result<()> {
        let subject = Subject::with_workloads(data, &[]).await?;
        let mut connection = subject.connection().await?;
        let (mut one, mut five, mut ten) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..self.options.rounds {
            for (count, took_ms) in [("1000", &mut one), ("5000", &mut five), ("10000", &mut ten)] {
                let begun = Instant::now();
                connection.call(&http::start_and_wait("FanOut", count), 200).await?;
                took_ms.push(begun.elapsed().as_secs_f64() * 1e3);
            }
        }
        let (one, five, ten) = (median(one), median(five), median(ten));
        self.table.plain("W10", "ms, one instance with 1,000 activities at once", one);
        self.table.ratio("W10", "  ms with 5,000; beside those with 1,000", (five, one), Some(-6.25));
        self.table.ratio("W10", "  ms with 10,000; beside those with 1,000", (ten, one), Some(-12.5));
        Ok(())
    }

    async fn starts(&self, data: &Path) -> Result<()> {
        let subject = Subject::with_workloads(data, &[]).await?;
        let mut connections = subject.connections(IN_FLIGHT).await?;
        let (request, cpu, mut count) = (http::start("Trivial", "", "null"), subject.cpu()?, 0);
        let (mut starts, mut ends, mut p99_ms, mut floors) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for _ in 0..self.options.rounds {
            floors.push(self.floor.commits()?);
            let begun = Instant::now();
            let requests = during(self.options.round, || request.clone());
            let took = load::send(&mut connections, 202, requests).await?;
            subject.until_none("Pending,Running").await?;
            count += took.count();
            starts.push(took.per_second());
            ends.push(took.count() as f64 / begun.elapsed().as_secs_f64());
            p99_ms.push(took.quantile_ms(0.99));
        }
        let starts = median(starts);
        self.table.goal("W3", "starts/s, 64 in flight", starts, 2_000.0);
        self.table.ratio("W3", "  beside one-row commits", (starts, median(floors)), None);
        self.table.plain("W3", "  p99 ms of a start", median(p99_ms));
        self.table.plain("W3", "  started and ended /s", median(ends));
        self.table.plain("W3", "  µs of CPU each", subject.cpu_us_each(cpu, count)?);
        self.lone_starts(&subject).await
    }

    async fn lone_starts(&self, subject: &Subject) -> Result<()> {
        let mut connection = subject.connections(1).await?;
        let (mut p50_ms, mut p99_ms, mut floors) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..self.options.rounds {
            floors.push(self.floor.commits()?);
            let requests = during(self.options.round / 2, || http::start_and_wait("Trivial", "null"));
            let took = load::send(&mut connection, 200, requests).await?;
            p50_ms.push(took.quantile_ms(0.5));
            p99_ms.push(took.quantile_ms(0.99));
        }
        // A start, the turn that calls the activity, and the one that consumes its result.
        let two_commits_ms = 2_000.0 / median(floors);
        self.table.goal("W3", "ms from start to end, p50, 1 in flight", median(p50_ms), -(two_commits_ms + 0.5));
        self.table.plain("W3", "  p99", median(p99_ms));
        Ok(())
    }

    async fn parked(&self, data: &Path) -> Result<()> {
        for (what, args) in [("default", &[][..]), ("warm memory 64 MiB", &["--warm-memory-mib", "64"])] {
            let data = data.with_extension(args.len().to_string());
            let subject = Subject::with_workloads(&data, args).await?;
            park(&subject, 1).await?;
            let (before_kib, disk_before) = (subject.memory_kib("VmRSS")?, folder_bytes(&data)?);
            let begun = Instant::now();
            park(&subject, 10_000).await?;
            let took_s = begun.elapsed().as_secs_f64();
            let kib = (subject.memory_kib("VmRSS")? - before_kib) / 10_000.0;
            let disk = (folder_bytes(&data)? - disk_before) as f64 / 10_000.0;
            let cpu = subject.cpu()?;
            tokio::time::sleep(Duration::from_secs(2)).await;
            let idle = (subject.cpu()? - cpu).as_secs_f64() * 50.0;
            self.table.plain("W4", &format!("KiB of memory per parked of 10,000, {what}"), kib);
            self.table.plain("W4", "  MiB in all at rest", subject.memory_kib("VmRSS")? / 1_024.0);
            self.table.plain("W4", "  MiB at most", subject.memory_kib("VmHWM")? / 1_024.0);
            self.table.plain("W4", "  s to park them", took_s);
            self.table.plain("W4", "  bytes of disk per parked, log included", disk);
            self.table.plain("W4", "  % of a core while idle", idle);
        }
        Ok(())
    }

    async fn reads(&self, data: &Path) -> Result<()> {
        let subject = Subject::with_workloads(data, &[]).await?;
        park(&subject, 1_000).await?;
        let bare = Bare::start()?;
        let mut served = subject.connections(READERS).await?;
        let mut beside = load::open(bare.address, READERS).await?;
        let (mut one, mut many, mut bares, mut p99_ms) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (mut next, cpu, mut count) = (0, subject.cpu()?, 0);
        let requests: Vec<_> = (0..1_000).map(|n| http::status(&format!("p{n}"))).collect();
        for _ in 0..self.options.rounds {
            let read = during(self.options.round, || http::request("GET", "/instances/p1", b""));
            bares.push(load::send(&mut beside, 200, read).await?.per_second());
            let read = during(self.options.round, || requests[1].clone());
            let took = load::send(&mut served, 202, read).await?;
            count += took.count();
            one.push(took.per_second());
            p99_ms.push(took.quantile_ms(0.99));
            let read = during(self.options.round, || {
                next = (next + 617) % 1_000;
                requests[next].clone()
            });
            let took = load::send(&mut served, 202, read).await?;
            count += took.count();
            many.push(took.per_second());
        }
        let (one, many, bare) = (median(one), median(many), median(bares));
        self.table.goal("W5", "status reads/s of one instance, 32 connections", one, 20_000.0);
        self.table.ratio("W5", "  beside a bare axum route", (one, bare), Some(0.7));
        self.table.plain("W5", "  p99 ms", median(p99_ms));
        self.table.ratio("W5", "status reads/s of 1,000 instances; beside the bare route", (many, bare), Some(0.7));
        self.table.plain("W5", "  µs of CPU a read", subject.cpu_us_each(cpu, count)?);
        Ok(())
    }

    async fn events(&self, data: &Path) -> Result<()> {
        for count in [1_000, 10_000] {
            let (mut events, mut floors, mut cpu_us) = (Vec::new(), Vec::new(), Vec::new());
            for round in 0..self.options.rounds {
                let data = data.with_extension(format!("{count}-{round}"));
                let subject = Subject::with_workloads(&data, &[]).await?;
                let mut connections = subject.connections(IN_FLIGHT).await?;
                park(&subject, count).await?;
                floors.push(self.floor.commits()?);
                let (begun, cpu) = (Instant::now(), subject.cpu()?);
                let requests = (0..count).map(|n| http::raise(&format!("p{n}"), "Go", "1"));
                load::send(&mut connections, 202, requests).await?;
                subject.until_none("Running").await?;
                events.push(count as f64 / begun.elapsed().as_secs_f64());
                cpu_us.push(subject.cpu_us_each(cpu, count)?);
            }
            let events = median(events);
            self.table.goal("W6", &format!("events/s, one to each of {count} parked, to their ends"), events, 8_000.0);
            self.table.ratio("W6", "  beside one-row commits", (events, median(floors)), None);
            self.table.plain("W6", "  µs of CPU each", median(cpu_us));
        }
        Ok(())
    }

    async fn ready(&self, data: &Path) -> Result<()> {
        let (mut empty_ms, mut filled_ms, mut first_ms) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..self.options.rounds {
            let subject = Subject::serve(&data.with_extension(round.to_string()), &[])?;
            empty_ms.push(subject.ready.as_secs_f64() * 1e3);
        }
        self.table.goal("W8", "ms until ready, empty", median(empty_ms), -100.0);
        let subject = Subject::with_workloads(data, &[]).await?;
        let mut connections = subject.connections(IN_FLIGHT).await?;
        park(&subject, 10_000).await?;
        let requests = (0..50_000).map(|_| http::start("Trivial", "", "null"));
        load::send(&mut connections, 202, requests).await?;
        drop(connections);
        let mut subject = subject;
        for _ in 0..self.options.rounds {
            subject.kill()?;
            subject = Subject::serve(data, &[])?;
            filled_ms.push(subject.ready.as_secs_f64() * 1e3);
            let (mut connection, begun) = (subject.connection().await?, Instant::now());
            connection.call(&http::status("p1"), 202).await?;
            first_ms.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        self.table.goal("W8", "ms until ready, 10,000 parked and 50,000 ended, killed", median(filled_ms), -100.0);
        self.table.plain("W8", "  ms for the first status", median(first_ms));
        Ok(())
    }
}

/// Starts so many instances of `Park` and waits until each waits.
async fn park(subject: &Subject, count: usize) -> Result<()> {
    let mut connections: Vec<Connection> = subject.connections(IN_FLIGHT).await?;
    let prefix = if count == 1 { "first" } else { "p" };
    let requests = (0..count).map(|n| http::start("Park", &format!("{prefix}{n}"), "null"));
    load::send(&mut connections, 202, requests).await?;
    subject.until_none("Pending").await?;
    let found = connections[0].call(&http::status(&format!("{prefix}{}", count - 1)), 202).await?;
    ensure!(String::from_utf8_lossy(found).contains("waiting"), "it is parked");
    Ok(())
}
