//! A model of a disk that loses its power: what of a recording is surely on it, and what may be.
//!
//! A file holds what its last sync has covered. Of what was written since, each page holds any state that it was in, and
//! each half KiB of it may hold another (a torn write). The same is true of a file's length, and of the names in a folder
//! since that was synced. A sync that failed leaves its pages clean: whatever reached the disk stays there until somebody
//! writes them again, as it is with Linux.

use super::recording::Done;
use crate::draw::Draw;
use anyhow::{Context as _, Result, ensure};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Holds room and nothing else: images are smaller without it.
const RESERVE: &str = "dacapo.reserve";
/// What memory and disk exchange.
const PAGE: usize = 4_096;
/// What a disk writes as one.
const SECTOR: usize = 512;

type Page = Arc<[u8; PAGE]>;

/// What of that which was not synced has reached the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Survives {
    /// Nothing.
    Nothing,
    /// All of it.
    Everything,
    /// Each page, as it was at some time.
    Pages,
    /// Each sector, as it was at some time.
    Sectors,
}

impl Survives {
    /// One of them.
    pub fn draw(draw: &mut Draw) -> Self {
        [Self::Nothing, Self::Everything, Self::Pages, Self::Sectors, Self::Sectors][draw.index(5)]
    }
}

/// Pages by number; one that is not there is zero.
#[derive(Clone, Debug, Default)]
struct Content {
    pages: BTreeMap<usize, Page>,
    bytes: usize,
}

impl Content {
    fn page(&self, number: usize) -> Option<&Page> {
        self.pages.get(&number)
    }

    fn put(&mut self, number: usize, page: Option<Page>) {
        match page {
            Some(page) => self.pages.insert(number, page),
            None => self.pages.remove(&number),
        };
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.bytes];
        for (number, page) in &self.pages {
            let begin = number * PAGE;
            if begin < bytes.len() {
                let end = bytes.len().min(begin + PAGE);
                bytes[begin..end].copy_from_slice(&page[..end - begin]);
            }
        }
        bytes
    }
}

#[derive(Clone, Debug, Default)]
struct FileState {
    /// As programs see it.
    live: Content,
    /// As it surely is.
    disk: Content,
    /// What each page has been since it was synced.
    dirty: BTreeMap<usize, Vec<Option<Page>>>,
    /// The same of the length.
    lengths: Vec<usize>,
    /// How far a sync that is under way reaches.
    syncing: Option<Reach>,
}

#[derive(Clone, Debug)]
struct Reach {
    /// How many versions of each page.
    pages: Vec<(usize, usize)>,
    /// How many lengths.
    lengths: usize,
    /// The length then.
    bytes: usize,
}

impl FileState {
    fn write(&mut self, offset: usize, bytes: &[u8]) {
        let mut at = 0;
        while at < bytes.len() {
            let (number, within) = ((offset + at) / PAGE, (offset + at) % PAGE);
            let length = (PAGE - within).min(bytes.len() - at);
            let mut page = self.live.page(number).map_or([0; PAGE], |page| **page);
            page[within..within + length].copy_from_slice(&bytes[at..at + length]);
            self.change(number, Some(Arc::new(page)));
            at += length;
        }
        if offset + bytes.len() > self.live.bytes {
            self.resize(offset + bytes.len());
        }
    }

    fn change(&mut self, number: usize, page: Option<Page>) {
        self.live.put(number, page.clone());
        self.dirty.entry(number).or_default().push(page);
    }

    fn resize(&mut self, bytes: usize) {
        self.live.bytes = bytes;
        self.lengths.push(bytes);
    }

    fn cut(&mut self, bytes: usize) {
        let (whole, rest) = (bytes.div_ceil(PAGE), bytes % PAGE);
        let beyond: Vec<usize> = self.live.pages.range(whole..).map(|(number, _)| *number).collect();
        for number in beyond {
            self.change(number, None);
        }
        let last = self.live.page(bytes / PAGE).filter(|_| rest > 0).cloned();
        if let Some(mut last) = last {
            Arc::make_mut(&mut last)[rest..].fill(0);
            self.change(bytes / PAGE, Some(last));
        }
        self.resize(bytes);
    }

    fn begin_sync(&mut self) {
        let pages = self.dirty.iter().map(|(number, versions)| (*number, versions.len())).collect();
        self.syncing = Some(Reach { pages, lengths: self.lengths.len(), bytes: self.live.bytes });
    }

    fn synced(&mut self) {
        let Some(Reach { pages, lengths, bytes }) = self.syncing.take() else { return };
        for (number, count) in pages {
            let Some(versions) = self.dirty.get_mut(&number) else { continue };
            let page = versions.drain(..count.min(versions.len())).next_back().flatten();
            if versions.is_empty() {
                self.dirty.remove(&number);
            }
            self.disk.put(number, page);
        }
        self.lengths.drain(..lengths.min(self.lengths.len()));
        self.disk.bytes = bytes;
    }

    /// What was to be synced is as it happens to be, and nobody will write it again by himself.
    fn sync_failed(&mut self, draw: &mut Draw) {
        let survives = Survives::draw(draw);
        self.disk = self.image(survives, draw);
        self.dirty.clear();
        self.lengths.clear();
        self.syncing = None;
    }

    fn image(&self, survives: Survives, draw: &mut Draw) -> Content {
        match survives {
            Survives::Nothing => return self.disk.clone(),
            Survives::Everything if self.dirty.is_empty() => {
                return Content { bytes: self.live.bytes, ..self.disk.clone() };
            }
            _ => {}
        }
        let mut image = self.disk.clone();
        let chance = [10, 50, 90][draw.index(3)];
        for (number, versions) in &self.dirty {
            let page = match survives {
                Survives::Everything => versions.last().cloned().flatten(),
                Survives::Pages => self.version(*number, versions, chance, draw),
                Survives::Nothing | Survives::Sectors => self.torn(*number, versions, chance, draw),
            };
            image.put(*number, page);
        }
        image.bytes = match survives {
            Survives::Everything => self.live.bytes,
            _ => match draw.index(self.lengths.len() + 2) {
                0 => self.disk.bytes,
                1 => self.live.bytes,
                length => self.lengths[length - 2],
            },
        };
        image
    }

    fn version(&self, number: usize, versions: &[Option<Page>], chance: u64, draw: &mut Draw) -> Option<Page> {
        if draw.percent(chance) {
            return versions.last().cloned().flatten();
        }
        match draw.index(versions.len() + 1) {
            0 => self.disk.page(number).cloned(),
            version => versions[version - 1].clone(),
        }
    }

    fn torn(&self, number: usize, versions: &[Option<Page>], chance: u64, draw: &mut Draw) -> Option<Page> {
        let mut page = [0; PAGE];
        for sector in page.chunks_exact_mut(SECTOR).enumerate() {
            let (place, sector) = (sector.0 * SECTOR, sector.1);
            if let Some(version) = self.version(number, versions, chance, draw) {
                sector.copy_from_slice(&version[place..place + SECTOR]);
            }
        }
        Some(Arc::new(page))
    }
}

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entry {
    File(usize),
    Folder,
}

type Names = BTreeMap<PathBuf, Entry>;

#[derive(Clone, Debug)]
enum NameChange {
    Put(PathBuf, Entry),
    Gone(PathBuf),
    Moved(PathBuf, PathBuf),
}

impl NameChange {
    fn apply(&self, names: &mut Names) {
        match self {
            NameChange::Put(path, entry) => {
                names.insert(path.clone(), *entry);
            }
            NameChange::Gone(path) => {
                names.remove(path);
            }
            NameChange::Moved(from, to) => {
                if let Some(entry) = names.remove(from) {
                    names.insert(to.clone(), entry);
                }
            }
        }
    }
}

/// All files below a folder.
#[derive(Clone, Debug)]
pub struct Disk {
    root: PathBuf,
    files: Vec<FileState>,
    /// Which file has this number in the recording now.
    numbers: BTreeMap<u64, usize>,
    live: Names,
    durable: Names,
    /// By folder, what is not synced yet.
    pending: BTreeMap<PathBuf, Vec<NameChange>>,
}

impl Disk {
    /// An empty folder, which is itself on the disk.
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            files: Vec::new(),
            numbers: BTreeMap::new(),
            live: Names::new(),
            durable: Names::new(),
            pending: BTreeMap::new(),
        }
    }

    /// Does what was done. `draw` says what a sync that failed has left.
    pub fn apply(&mut self, done: &Done<'_>, draw: &mut Draw) -> Result<()> {
        match done {
            Done::Begun => {}
            Done::Written { file, offset, bytes } => self.file(*file)?.write(*offset, bytes),
            Done::Cut { file, bytes } => self.file(*file)?.cut(*bytes),
            Done::SyncBegun(file) => self.file(*file)?.begin_sync(),
            Done::Synced(file) => self.file(*file)?.synced(),
            Done::SyncFailed(file) => self.file(*file)?.sync_failed(draw),
            Done::Created { file, path } => {
                self.files.push(FileState::default());
                self.numbers.insert(*file, self.files.len() - 1);
                self.rename(path, NameChange::Put(path.clone(), Entry::File(self.files.len() - 1)));
            }
            Done::FolderMade(path) => self.rename(path, NameChange::Put(path.clone(), Entry::Folder)),
            Done::Unlinked(path) => self.rename(path, NameChange::Gone(path.clone())),
            Done::Renamed(from, to) => self.rename(to, NameChange::Moved(from.clone(), to.clone())),
            Done::FolderSynced(path) => {
                for change in self.pending.remove(path).unwrap_or_default() {
                    change.apply(&mut self.durable);
                }
            }
        }
        Ok(())
    }

    fn file(&mut self, number: u64) -> Result<&mut FileState> {
        let index = self.numbers.get(&number).context("the recording names a file that was never created")?;
        Ok(&mut self.files[*index])
    }

    fn rename(&mut self, path: &Path, change: NameChange) {
        change.apply(&mut self.live);
        let folder = path.parent().unwrap_or(path).to_owned();
        self.pending.entry(folder).or_default().push(change);
    }

    /// Writes what a power loss leaves now into the empty folder `to`.
    pub fn lose_power(&self, to: &Path, draw: &mut Draw) -> Result<()> {
        let mut names = self.durable.clone();
        for changes in self.pending.values() {
            let kept = [0, changes.len(), draw.index(changes.len() + 1)][draw.index(3)];
            changes[..kept].iter().for_each(|change| change.apply(&mut names));
        }
        self.write(&names, to, |file| {
            let survives = Survives::draw(draw);
            file.image(survives, draw)
        })
    }

    fn write(&self, names: &Names, to: &Path, mut content: impl FnMut(&FileState) -> Content) -> Result<()> {
        // In the order of paths: a folder comes before what is in it.
        for (path, entry) in names {
            let there = to.join(path.strip_prefix(&self.root)?);
            // What lies in a folder that is not there is not there either.
            if !there.parent().is_some_and(Path::is_dir) || path.ends_with(RESERVE) {
                continue;
            }
            match entry {
                Entry::Folder => std::fs::create_dir(&there)?,
                Entry::File(file) => std::fs::write(&there, content(&self.files[*file]).to_bytes())?,
            }
        }
        Ok(())
    }

    /// That the recording is whole: what it says of `name` is what is there.
    pub fn ensure_like(&self, path: &Path) -> Result<()> {
        let Some(Entry::File(file)) = self.live.get(path) else {
            anyhow::bail!("the recording does not know {}", path.display());
        };
        let (recorded, found) = (self.files[*file].live.to_bytes(), std::fs::read(path)?);
        let differs = recorded.iter().zip(&found).position(|(one, other)| one != other);
        ensure!(
            recorded == found,
            "{} has {} bytes, recorded are {}; they differ at {differs:?}",
            path.display(),
            found.len(),
            recorded.len()
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "/root";

    fn done_to_a_file(more: &[Done<'_>]) -> Disk {
        let (mut disk, mut draw) = (Disk::new(Path::new(ROOT)), Draw::of(1));
        let path = Path::new(ROOT).join("f");
        let begin = [Done::Created { file: 7, path }, Done::FolderSynced(ROOT.into())];
        for done in begin.iter().chain(more) {
            disk.apply(done, &mut draw).expect("applies");
        }
        disk
    }

    /// What can be left of the file, by some seeds.
    fn images(disk: &Disk) -> std::collections::BTreeSet<Option<Vec<u8>>> {
        let image = |seed| {
            let folder = tempfile::tempdir().expect("a folder");
            disk.lose_power(folder.path(), &mut Draw::of(seed)).expect("writes");
            std::fs::read(folder.path().join("f")).ok()
        };
        (0..80).map(image).collect()
    }

    fn write(byte: u8) -> Vec<u8> {
        vec![byte; SECTOR * 2]
    }

    #[test]
    fn what_was_synced_stays_and_the_rest_may_be_torn() {
        let (one, two) = (write(1), write(2));
        let first = [Done::Written { file: 7, offset: 0, bytes: &one }, Done::SyncBegun(7), Done::Synced(7)];
        assert_eq!(images(&done_to_a_file(&first)), [Some(one.clone())].into());
        let second = Done::Written { file: 7, offset: 0, bytes: &two };
        let found = images(&done_to_a_file(&[&first[..], &[second]].concat()));
        let torn = |first: u8, second: u8| Some([vec![first; SECTOR], vec![second; SECTOR]].concat());
        assert_eq!(found, [torn(1, 1), torn(1, 2), torn(2, 1), torn(2, 2)].into());
    }

    #[test]
    fn a_sync_does_not_cover_what_was_written_while_it_ran() {
        let (one, two) = (write(1), write(2));
        let found = images(&done_to_a_file(&[
            Done::Written { file: 7, offset: 0, bytes: &one },
            Done::SyncBegun(7),
            Done::Written { file: 7, offset: 0, bytes: &two },
            Done::Synced(7),
        ]));
        assert!(found.contains(&Some(one)) && found.contains(&Some(two)));
    }

    #[test]
    fn what_a_failed_sync_has_lost_no_later_one_brings_back() {
        let (one, two) = (write(1), write(2));
        let deeds = [
            Done::Written { file: 7, offset: 0, bytes: &one },
            Done::SyncBegun(7),
            Done::SyncFailed(7),
            Done::Written { file: 7, offset: 2 * PAGE, bytes: &two },
            Done::SyncBegun(7),
            Done::Synced(7),
        ];
        let mut lost = 0;
        for seed in 0..10 {
            let mut disk = done_to_a_file(&deeds[..2]);
            let mut draw = Draw::of(seed);
            deeds[2..].iter().for_each(|done| disk.apply(done, &mut draw).expect("applies"));
            // Nothing is open any more: whatever the draw, it is this.
            let folder = tempfile::tempdir().expect("a folder");
            disk.lose_power(folder.path(), &mut draw).expect("writes");
            let found = std::fs::read(folder.path().join("f")).expect("is there");
            assert_eq!(found[2 * PAGE..], two);
            lost += usize::from(found[..one.len()] != one);
        }
        assert!(lost > 0, "{lost} of 10");
    }

    #[test]
    fn a_name_is_there_for_sure_once_its_folder_is_synced() {
        let (mut disk, mut draw) = (Disk::new(Path::new(ROOT)), Draw::of(1));
        let path = Path::new(ROOT).join("f");
        disk.apply(&Done::Created { file: 7, path }, &mut draw).expect("applies");
        assert!(images(&disk).contains(&None));
        disk.apply(&Done::FolderSynced(ROOT.into()), &mut draw).expect("applies");
        assert!(!images(&disk).contains(&None));
    }
}
