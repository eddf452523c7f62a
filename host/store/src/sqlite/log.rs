//! Damage in SQLite's log that SQLite takes for its end.
//!
//! SQLite reads its log up to the first frame whose checksum does not hold, and drops the rest: after a power loss that is
//! right, for what was not synced was not acknowledged. But each transaction is synced before the next one begins, so
//! at most the last one can be torn. A frame that does not hold and lies before that is damage, and dropping what follows
//! would lose what was acknowledged.

use super::connect;
use crate::{Result, StoreError};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;
/// The first word of a log, without the bit that says in which order the words of its checksums are read.
const MAGIC: u32 = 0x377f_0682;

/// The last transaction of a log that is whole: where it begins and ends in the file, in bytes. The log's header is part of
/// the first one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Last {
    pub(super) begins: u64,
    pub(super) ends: u64,
}

/// Refuses a log in whose middle there is damage. `database`: the file that the log belongs to. Where there is anything in
/// the log, its last transaction.
pub(super) fn check(database: &Path) -> Result<Option<Last>> {
    let log = connect::log_of(database);
    let doing = "looking through the log of the database";
    let found = look_through(&log).map_err(|source| StoreError::Engine { doing, source: source.into() })?;
    let Some(Damage { frame, at_bytes, transactions }) = found.damage else { return Ok(found.last) };
    let name = log.display();
    Err(StoreError::Suspect {
        folder: database.parent().unwrap_or(database).display().to_string(),
        found: format!(
            "frame {frame} of the log {name} is damaged, and {transactions} later transactions that were acknowledged stand \
             behind it: opening it would drop them. Keep a copy of the folder and go back to a backup; or give them up with \
             `truncate -s {at_bytes} {name}`, which keeps what comes before"
        ),
    })
}

/// A frame that does not hold although others were written after it was synced.
#[derive(Debug, PartialEq, Eq)]
struct Damage {
    frame: u64,
    at_bytes: u64,
    transactions: u64,
}

#[derive(Debug, Default)]
struct Found {
    last: Option<Last>,
    damage: Option<Damage>,
}

/// The running checksum of a log.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Sum {
    words: (u32, u32),
    is_big_endian: bool,
}

impl Sum {
    fn over(self, bytes: &[u8]) -> Self {
        // Apart, so that the loop over many megabytes does not ask which.
        let words = match self.is_big_endian {
            true => self.words_over(bytes, u32::from_be_bytes),
            false => self.words_over(bytes, u32::from_le_bytes),
        };
        Self { words, ..self }
    }

    #[inline(always)]
    fn words_over(self, bytes: &[u8], own: impl Fn([u8; 4]) -> u32) -> (u32, u32) {
        bytes.as_chunks::<4>().0.as_chunks::<2>().0.iter().fold(self.words, |(a, b), [first, second]| {
            let a = a.wrapping_add(own(*first)).wrapping_add(b);
            (a, b.wrapping_add(own(*second)).wrapping_add(a))
        })
    }
}

/// The big-endian word at `at`.
fn word(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|word| word.try_into().ok()).map_or(0, u32::from_be_bytes)
}

fn look_through(log: &Path) -> std::io::Result<Found> {
    let file = match File::open(log) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Found::default()),
        Err(error) => return Err(error),
    };
    let mut file = BufReader::with_capacity(1 << 20, file);
    let mut header = [0; HEADER_BYTES];
    let magic_holds = fill(&mut file, &mut header)? && word(&header, 0) & !1 == MAGIC;
    let start = Sum { words: (0, 0), is_big_endian: word(&header, 0) & 1 == 1 }.over(&header[..24]);
    let page_bytes = word(&header, 8) as usize;
    // A header that does not hold is of a log that was just begun, or there is nothing to tell frames by.
    if !magic_holds || start.words != (word(&header, 24), word(&header, 28)) || !(512..=65_536).contains(&page_bytes) {
        return Ok(Found::default());
    }
    frames(&mut file, &header[16..24], start, page_bytes)
}

/// Each frame is held against the checksum that the one before it *says*, so that one after a damaged one still holds.
fn frames(file: &mut impl Read, salts: &[u8], start: Sum, page_bytes: usize) -> std::io::Result<Found> {
    let frame_bytes = FRAME_HEADER_BYTES + page_bytes;
    let (mut frame, mut said) = (vec![0; frame_bytes], start);
    let (mut at_bytes, mut number) = (HEADER_BYTES as u64, 0);
    let (mut last, mut damage): (Option<Last>, Option<Damage>) = (None, None);
    // Ends of transactions since the damage; the first of them may be of the one that was torn.
    let mut ends: u64 = 0;
    while fill(file, &mut frame)? {
        number += 1;
        let found = said.over(&frame[..8]).over(&frame[FRAME_HEADER_BYTES..]);
        let has_salts = &frame[8..16] == salts;
        said.words = (word(&frame, 16), word(&frame, 20));
        let holds = has_salts && found.words == said.words;
        if !holds && damage.is_none() {
            damage = Some(Damage { frame: number, at_bytes, transactions: 0 });
        }
        at_bytes += frame_bytes as u64;
        match word(&frame, 4) > 0 {
            true if damage.is_none() => {
                let begins = last.map_or(0, |last| last.ends);
                last = Some(Last { begins, ends: at_bytes });
            }
            true if holds => ends += 1,
            _ => {}
        }
    }
    let damage = damage.map(|damage| Damage { transactions: ends.saturating_sub(1), ..damage });
    Ok(Found { last, damage: damage.filter(|damage| damage.transactions > 0) })
}

/// `false` where the file ends before.
fn fill(file: &mut impl Read, bytes: &mut [u8]) -> std::io::Result<bool> {
    match file.read_exact(bytes) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}
