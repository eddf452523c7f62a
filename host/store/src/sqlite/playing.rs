//! Who is being played, in a file beside the database: what the next process reads tells it whose play ended this one.
//!
//! It is written to the system's memory and never synced. That outlasts every end of the process, which is all it is for;
//! after a power failure it may say anything that was true once, and so much does no harm.

use crate::model::InstanceKey;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The name of the file in the data folder.
pub(super) const FILE_NAME: &str = "dacapo.playing";

/// An entry: the key, how often the process has ended while it was played, and whether it is being played (0 or 1). All
/// little-endian; zeros are no entry.
const ENTRY_BYTES: usize = 16;

/// Counts of more than this were not written by us.
const MOST_DEATHS: u32 = 1_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    key: i64,
    deaths: u32,
    is_playing: bool,
}

impl Entry {
    fn bytes(self) -> [u8; ENTRY_BYTES] {
        let mut bytes = [0; ENTRY_BYTES];
        bytes[..8].copy_from_slice(&self.key.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.deaths.to_le_bytes());
        bytes[12..].copy_from_slice(&u32::from(self.is_playing).to_le_bytes());
        bytes
    }

    fn read(bytes: &[u8; ENTRY_BYTES]) -> Option<Self> {
        let (key, rest) = bytes.split_first_chunk::<8>()?;
        let (deaths, rest) = rest.split_first_chunk::<4>()?;
        let playing = u32::from_le_bytes(*rest.first_chunk()?);
        let entry =
            Self { key: i64::from_le_bytes(*key), deaths: u32::from_le_bytes(*deaths), is_playing: playing == 1 };
        (entry.key > 0 && entry.deaths <= MOST_DEATHS && playing <= 1).then_some(entry)
    }
}

/// See the file.
#[derive(Debug)]
pub(super) struct Playing {
    path: PathBuf,
    places: Mutex<Places>,
}

#[derive(Debug)]
struct Places {
    /// `None`: it could not be written, and is not any more.
    file: Option<File>,
    /// Where in the file each is, and how often the process has ended while it was played.
    of: HashMap<i64, (u64, u32)>,
    free: Vec<u64>,
    /// The first place that was never taken.
    next: u64,
}

impl Playing {
    /// Reads what the last process left, counts its end, and goes on in the same file.
    pub(super) fn open(folder: &Path) -> Self {
        let path = folder.join(FILE_NAME);
        let found = std::fs::read(&path).unwrap_or_default();
        let entries = found.as_chunks().0.iter().filter_map(Entry::read);
        let suspects: Vec<(i64, u32)> = entries
            .map(|entry| (entry.key, entry.deaths + u32::from(entry.is_playing)))
            .filter(|(_, deaths)| *deaths > 0)
            .collect();
        let mut places = Places { file: None, of: HashMap::new(), free: Vec::new(), next: 0 };
        match places.begin(&path, &suspects) {
            Ok(()) => {}
            Err(error) => places.give_up(&error),
        }
        if !suspects.is_empty() {
            tracing::warn!(
                instances = suspects.len(),
                "the last process ended while these were played; each of them is now played while no other of them is"
            );
        }
        Self { path, places: Mutex::new(places) }
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        // A panic leaves an entry too many at worst.
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// See [`crate::Store::plays`].
    pub(super) fn begin(&self, key: InstanceKey) {
        self.places().put(key.0);
    }

    /// See [`crate::Store::rests`].
    pub(super) fn end(&self, key: InstanceKey) {
        self.places().take(key.0);
    }

    /// See [`crate::Store::deaths`].
    pub(super) fn deaths(&self, key: InstanceKey) -> u32 {
        self.places().of.get(&key.0).map_or(0, |(_, deaths)| *deaths)
    }

    /// The process ends by itself: nobody is suspected.
    pub(super) fn close(&self) {
        let mut places = self.places();
        places.file = None;
        if let Err(error) = std::fs::remove_file(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, file = %self.path.display(), "cannot remove the list of who is being played");
        }
    }
}

impl Places {
    fn begin(&mut self, path: &Path, suspects: &[(i64, u32)]) -> io::Result<()> {
        let mut bytes = Vec::new();
        for (key, deaths) in suspects {
            if let std::collections::hash_map::Entry::Vacant(place) = self.of.entry(*key) {
                place.insert((self.next, *deaths));
                self.next += 1;
                bytes.extend(Entry { key: *key, deaths: *deaths, is_playing: false }.bytes());
            }
        }
        // Under another name first: what is known of the suspects outlasts an end right here.
        let new = path.with_extension("playing-new");
        let mut file = File::create(&new)?;
        file.write_all(&bytes)?;
        std::fs::rename(&new, path)?;
        self.file = Some(file);
        Ok(())
    }

    fn put(&mut self, key: i64) {
        let (free, next) = (&mut self.free, &mut self.next);
        let (place, deaths) = *self.of.entry(key).or_insert_with(|| {
            let new = free.pop().unwrap_or(*next);
            *next = (*next).max(new + 1);
            (new, 0)
        });
        self.write(place, Entry { key, deaths, is_playing: true }.bytes());
    }

    fn take(&mut self, key: i64) {
        if let Some((place, _)) = self.of.remove(&key) {
            self.free.push(place);
            self.write(place, [0; ENTRY_BYTES]);
        }
    }

    fn write(&mut self, place: u64, bytes: [u8; ENTRY_BYTES]) {
        let Some(file) = &self.file else { return };
        let written = write_at(file, place * ENTRY_BYTES as u64, bytes);
        if let Err(error) = written {
            self.give_up(&error);
        }
    }

    fn give_up(&mut self, error: &io::Error) {
        self.file = None;
        tracing::warn!(%error, "cannot write who is being played: an instance that ends the process will not be found out");
    }
}

#[cfg(unix)]
fn write_at(file: &File, at: u64, bytes: [u8; ENTRY_BYTES]) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, &bytes, at)
}

#[cfg(not(unix))]
fn write_at(mut file: &File, at: u64, bytes: [u8; ENTRY_BYTES]) -> io::Result<()> {
    use std::io::{Seek, SeekFrom};
    file.seek(SeekFrom::Start(at)).and_then(|_| file.write_all(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: InstanceKey = InstanceKey(7);
    const B: InstanceKey = InstanceKey(8);

    fn deaths(playing: &Playing) -> [u32; 2] {
        [A, B].map(|key| playing.deaths(key))
    }

    #[test]
    fn each_end_of_the_process_counts_for_those_that_were_played() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = Playing::open(folder.path());
        first.begin(A);
        first.begin(B);
        first.end(B);
        assert_eq!(deaths(&first), [0, 0]);
        drop(first);
        let second = Playing::open(folder.path());
        assert_eq!(deaths(&second), [1, 0]);
        drop(second);
        let third = Playing::open(folder.path());
        assert_eq!(deaths(&third), [1, 0], "it was not played in between");
        third.begin(B);
        third.begin(A);
        drop(third);
        let fourth = Playing::open(folder.path());
        assert_eq!(deaths(&fourth), [2, 1]);
        fourth.begin(A);
        fourth.end(A);
        assert_eq!(deaths(&fourth), [0, 1], "it came to rest");
        drop(fourth);
        assert_eq!(deaths(&Playing::open(folder.path())), [0, 1]);
    }

    #[test]
    fn a_process_that_ends_by_itself_leaves_no_suspects() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = Playing::open(folder.path());
        first.begin(A);
        drop(first);
        let second = Playing::open(folder.path());
        second.begin(B);
        second.close();
        drop(second);
        assert_eq!(deaths(&Playing::open(folder.path())), [0, 0]);
    }

    #[test]
    fn places_are_used_again_and_what_is_no_entry_is_passed_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(FILE_NAME);
        let first = Playing::open(folder.path());
        for key in 1..=100 {
            first.begin(InstanceKey(key));
            first.end(InstanceKey(key));
        }
        first.begin(A);
        drop(first);
        let mut bytes = std::fs::read(&path).expect("reads");
        assert_eq!(bytes.len(), ENTRY_BYTES);
        bytes.extend([0xEE; ENTRY_BYTES]);
        bytes.extend(Entry { key: B.0, deaths: 1, is_playing: true }.bytes());
        bytes.push(1);
        std::fs::write(&path, bytes).expect("writes");
        assert_eq!(deaths(&Playing::open(folder.path())), [1, 2]);
    }
}
