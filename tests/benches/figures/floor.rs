//! What the disk allows: single rows that SQLite makes durable one by one, and single pages.

use crate::figures::quantile_ms;
use anyhow::Result;
use std::cell::RefCell;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// Pages of the file that is overwritten.
const PAGES: u64 = 4_096;
/// How long a figure is taken.
const ROUND: Duration = Duration::from_millis(700);

/// A database and a file on the disk that is measured.
pub(crate) struct Floor {
    database: rusqlite::Connection,
    file: File,
    page: u64,
    /// Of every transaction so far.
    latencies: RefCell<Vec<Duration>>,
}

impl Floor {
    pub(crate) fn new(folder: &Path) -> Result<Self> {
        let database = rusqlite::Connection::open(folder.join("floor.db"))?;
        database
            .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE t (record BLOB);")?;
        let file = File::create(folder.join("floor.bin"))?;
        for page in 0..PAGES {
            file.write_all_at(&[1; 4_096], page * 4_096)?;
        }
        file.sync_all()?;
        Ok(Self { database, file, page: 0, latencies: RefCell::default() })
    }

    /// Transactions of one row a second.
    pub(crate) fn commits(&self) -> Result<f64> {
        let (begun, mut rows) = (Instant::now(), 0);
        while begun.elapsed() < ROUND {
            let one = Instant::now();
            self.database.execute_batch("BEGIN IMMEDIATE")?;
            self.database.prepare_cached("INSERT INTO t VALUES (?1)")?.execute([[b'x'; 180]])?;
            self.database.execute_batch("COMMIT")?;
            self.latencies.borrow_mut().push(one.elapsed());
            rows += 1;
        }
        Ok(f64::from(rows) / begun.elapsed().as_secs_f64())
    }

    /// What 99 of 100 transactions kept below: how noisy the disk is.
    pub(crate) fn p99_ms(&self) -> f64 {
        quantile_ms(self.latencies.borrow().clone(), 0.99)
    }

    /// Pages overwritten and made durable a second.
    pub(crate) fn pages(&mut self) -> Result<f64> {
        let (begun, mut pages) = (Instant::now(), 0);
        while begun.elapsed() < ROUND {
            self.page = (self.page + 1) % PAGES;
            self.file.write_all_at(&[2; 4_096], self.page * 4_096)?;
            self.file.sync_data()?;
            pages += 1;
        }
        Ok(f64::from(pages) / begun.elapsed().as_secs_f64())
    }
}
