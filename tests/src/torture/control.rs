//! Steers the interposed library of a program that runs: arms faults, moves its clock, reads what it has counted.

use anyhow::Result;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

/// What can be done to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Bytes are written.
    Write,
    /// A file is cut, or made longer.
    Truncate,
    /// What was written is asked to be on the disk.
    Sync,
    /// A file comes to be.
    Create,
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The database.
    Database,
    /// SQLite's log.
    Wal,
    /// Any other, such as a compiled module.
    Other,
    /// A folder.
    Folder,
}

/// What happens in place of a deed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It fails: the disk is broken.
    Eio,
    /// It fails: the disk is full.
    Enospc,
    /// The process is killed before it.
    DieBefore,
    /// The process is killed after it.
    DieAfter,
}

/// A fault that waits for its moment.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Which deeds can fail.
    pub deeds: Vec<Deed>,
    /// Of which files.
    pub kinds: Vec<Kind>,
    /// So many of them pass before it.
    pub after: u64,
    /// So many fail; `u64::MAX`: all, until it is disarmed.
    pub length: u64,
    /// What happens.
    pub action: Action,
    /// Whether a write that fails has written its first half.
    pub tears: bool,
}

impl Fault {
    /// The next one of these deeds fails, once.
    pub fn next(deed: Deed, kind: Kind, action: Action) -> Self {
        Self { deeds: vec![deed], kinds: vec![kind], after: 0, length: 1, action, tears: false }
    }
}

/// Places in the file, as numbers of 64 bits: see `struct control` in `interpose.c`.
const RECORDING: u64 = 1;
const CLOCK_MS: u64 = 2;
const FAULT_DEEDS: u64 = 3;
const FAULT_FILES: u64 = 4;
const FIRED: u64 = 9;
const DONE: u64 = 10;
const NUMBERS: usize = 10 + 16;

const EIO: u64 = 5;
const ENOSPC: u64 = 28;

/// The control file of one program, which outlives its restarts.
pub struct Control {
    path: PathBuf,
    file: File,
}

impl Control {
    /// A new one at `path`; `recording`: whether what is done is written down.
    pub fn create(path: &Path, recording: bool) -> Result<Self> {
        let file = File::options().read(true).write(true).create_new(true).open(path)?;
        file.set_len(NUMBERS as u64 * 8)?;
        let control = Self { path: path.to_owned(), file };
        control.put(RECORDING, &[recording.into()])?;
        Ok(control)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Arms a fault, in place of the one before.
    pub fn arm(&self, fault: &Fault) -> Result<()> {
        self.disarm()?;
        let files = fault.kinds.iter().fold(0, |bits, kind| bits | 1 << *kind as u64);
        let action = match fault.action {
            Action::Eio => EIO,
            Action::Enospc => ENOSPC,
            Action::DieBefore => 1_000,
            Action::DieAfter => 1_001,
        };
        self.put(FAULT_FILES, &[files, fault.after, fault.length, action, fault.tears.into()])?;
        // Last: from here on it is armed.
        self.put(FAULT_DEEDS, &[fault.deeds.iter().fold(0, |bits, deed| bits | 1 << *deed as u64)])
    }

    /// No deed fails any more.
    pub fn disarm(&self) -> Result<()> {
        self.put(FAULT_DEEDS, &[0])
    }

    /// Sets the program's wall clock ahead, or back.
    pub fn shift_clock_ms(&self, by: i64) -> Result<()> {
        self.put(CLOCK_MS, &[by.cast_unsigned()])
    }

    /// Processes that have begun under the library: 0 means that it was not loaded at all.
    pub fn loaded(&self) -> Result<u64> {
        self.get(0)
    }

    /// How many deeds were made to fail.
    pub fn fired(&self) -> Result<u64> {
        self.get(FIRED)
    }

    /// How many deeds there were of this kind.
    pub fn done(&self, deed: Deed, kind: Kind) -> Result<u64> {
        self.get(DONE + deed as u64 * 4 + kind as u64)
    }

    fn put(&self, place: u64, numbers: &[u64]) -> Result<()> {
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_ne_bytes()).collect();
        Ok(self.file.write_all_at(&bytes, place * 8)?)
    }

    fn get(&self, place: u64) -> Result<u64> {
        let mut bytes = [0; 8];
        self.file.read_exact_at(&mut bytes, place * 8)?;
        Ok(u64::from_ne_bytes(bytes))
    }
}
