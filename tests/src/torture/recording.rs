//! What the interposed library has written down: everything that was done to the files, in order.

use anyhow::{Context as _, Result, bail};
use std::path::PathBuf;

/// One thing that was done. A `file` is known by its number until another one is created with the same.
#[derive(Clone, Debug)]
pub enum Done<'a> {
    /// A process has begun.
    Begun,
    /// Bytes were written to a file.
    Written {
        /// To which.
        file: u64,
        /// Where in it.
        offset: usize,
        /// What.
        bytes: &'a [u8],
    },
    /// A file has this length now.
    Cut {
        /// Which.
        file: u64,
        /// Its length.
        bytes: usize,
    },
    /// A sync of this file begins.
    SyncBegun(u64),
    /// It has succeeded.
    Synced(u64),
    /// It has failed.
    SyncFailed(u64),
    /// A file came to be.
    Created {
        /// Its number.
        file: u64,
        /// Its name.
        path: PathBuf,
    },
    /// A folder came to be.
    FolderMade(PathBuf),
    /// A name is gone.
    Unlinked(PathBuf),
    /// The first name is the second one now.
    Renamed(PathBuf, PathBuf),
    /// The names in this folder are on the disk.
    FolderSynced(PathBuf),
}

/// Bytes of a record before what it carries.
const HEADER: usize = 32;

/// The records of a log, each with the length of the log once it was in it.
pub fn read(log: &[u8]) -> Result<Vec<(u64, Done<'_>)>> {
    let (mut records, mut at) = (Vec::new(), 0);
    while let Some(header) = log.get(at..at + HEADER) {
        let number = |place: usize| {
            let bytes = header[place * 8..][..8].try_into().expect("eight bytes");
            u64::from_ne_bytes(bytes)
        };
        let [kind, file, offset, length] = [0, 1, 2, 3].map(number);
        let begin = at + HEADER;
        // The last one may be half there.
        let Some(bytes) = log.get(begin..begin + usize::try_from(length)?) else { break };
        at = begin + bytes.len();
        records.push((at as u64, parse(kind, file, offset, bytes)?));
    }
    Ok(records)
}

fn parse(kind: u64, file: u64, offset: u64, bytes: &[u8]) -> Result<Done<'_>> {
    let place = usize::try_from(offset)?;
    Ok(match kind {
        1 => Done::Written { file, offset: place, bytes },
        2 => Done::Cut { file, bytes: place },
        3 => Done::SyncBegun(file),
        4 => Done::Synced(file),
        5 => Done::SyncFailed(file),
        6 => Done::Created { file, path: path(bytes)? },
        7 => Done::FolderMade(path(bytes)?),
        8 => Done::Unlinked(path(bytes)?),
        9 => {
            let end = bytes.iter().position(|byte| *byte == 0).context("two names")?;
            Done::Renamed(path(&bytes[..end])?, path(&bytes[end + 1..])?)
        }
        10 => Done::FolderSynced(path(bytes)?),
        11 => Done::Begun,
        other => bail!("the log holds a record of kind {other}"),
    })
}

fn path(bytes: &[u8]) -> Result<PathBuf> {
    Ok(PathBuf::from(std::str::from_utf8(bytes)?))
}
