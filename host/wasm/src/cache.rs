//! Compiled modules on disk. Loading one runs it as machine code, so only what this host wrote is ever loaded: the name
//! of each file holds a MAC over its bytes, made with a key that never leaves the folder.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::collections::BTreeSet;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};
use wasmtime::Engine;
use wasmtime::component::Component;

/// The folder of compiled modules.
pub(crate) struct Cache {
    folder: PathBuf,
    key: [u8; 32],
    /// Artefacts of another engine configuration or version have other names.
    compatibility: u64,
}

impl Cache {
    /// Opens the folder, creating it with a new key where there is none. `known`: the digests of all the components there
    /// are; what is kept of others was left by a crash between a deployment or deletion and its end.
    pub(crate) fn open(folder: &Path, engine: &Engine, known: Option<&BTreeSet<String>>) -> anyhow::Result<Self> {
        fs::create_dir_all(folder)?;
        let key = read_or_make_key(&folder.join("key"))?;
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let cache = Self { folder: folder.to_owned(), key, compatibility: hasher.finish() };
        cache.sweep(known);
        Ok(cache)
    }

    /// Removes what nobody can use: files half written, those of another engine, and those of no component.
    fn sweep(&self, known: Option<&BTreeSet<String>>) {
        let compatible = format!("-{:016x}-", self.compatibility);
        let is_known = |name: &str| {
            name.split_once('-').is_some_and(|(digest, _)| known.is_none_or(|known| known.contains(digest)))
        };
        self.remove_files(|name| {
            name.ends_with(".partial") || (name.ends_with(".cwasm") && !(name.contains(&compatible) && is_known(name)))
        });
    }

    /// Removes what is kept of a module.
    pub(crate) fn forget(&self, digest: &str) {
        let prefix = self.prefix(digest);
        self.remove_files(|name| name.starts_with(&prefix));
    }

    fn remove_files(&self, unwanted: impl Fn(&str) -> bool) {
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            if entry.file_name().to_str().is_some_and(&unwanted)
                && let Err(error) = fs::remove_file(entry.path())
            {
                tracing::warn!(file = ?entry.path(), %error, "cannot remove a compiled module that is not needed");
            }
        }
    }

    fn prefix(&self, digest: &str) -> String {
        format!("{digest}-{:016x}-", self.compatibility)
    }

    fn mac(&self, digest: &str, artefact: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes a key of any length");
        mac.update(self.prefix(digest).as_bytes());
        mac.update(artefact);
        mac
    }

    /// The compiled module, if it is here and is what we wrote. Anything else is removed and compiled anew: a power failure
    /// may have left it.
    pub(crate) fn load(&self, digest: &str, engine: &Engine) -> Option<Component> {
        let prefix = self.prefix(digest);
        for entry in fs::read_dir(&self.folder).ok()?.flatten() {
            let name = entry.file_name();
            let Some(mac) = name.to_str().and_then(|name| name.strip_prefix(&prefix)?.strip_suffix(".cwasm")) else {
                continue;
            };
            let (Ok(mac), Ok(artefact)) = (hex::decode(mac), fs::read(entry.path())) else { continue };
            if self.mac(digest, &artefact).verify_slice(&mac).is_err() {
                tracing::warn!(file = ?entry.path(), "not a compiled module of ours; removed");
                let _ = fs::remove_file(entry.path());
                continue;
            }
            match deserialize(engine, &artefact) {
                Ok(component) => return Some(component),
                Err(error) => {
                    tracing::warn!(file = ?entry.path(), %error, "a compiled module does not load; compiling anew")
                }
            }
        }
        None
    }

    /// Keeps an artefact that our compiler has just made, and loads it.
    pub(crate) fn store(&self, digest: &str, artefact: &[u8], engine: &Engine) -> Result<Component, String> {
        let mac = hex::encode(self.mac(digest, artefact).finalize().into_bytes());
        let path = self.folder.join(format!("{}{mac}.cwasm", self.prefix(digest)));
        // Under another name first: a crash half way leaves nothing that could be taken for whole.
        let partial = path.with_extension("partial");
        let written = fs::write(&partial, artefact).and_then(|()| fs::rename(&partial, &path));
        if let Err(error) = written {
            tracing::warn!(%error, ?path, "cannot keep a compiled module; it is compiled again after the next start");
        }
        deserialize(engine, artefact).map_err(|error| format!("the compiled module does not load: {error:#}"))
    }
}

#[expect(unsafe_code, reason = "the one place where compiled code is loaded")]
fn deserialize(engine: &Engine, artefact: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: both callers hold bytes that our own compiler wrote: `store` straight from it, `load` after checking the
    // MAC over these very bytes (not over a file that could be changed between the check and the use).
    unsafe { Component::deserialize(engine, artefact) }
}

fn read_or_make_key(path: &Path) -> anyhow::Result<[u8; 32]> {
    if let Ok(bytes) = fs::read(path)
        && let Ok(key) = <[u8; 32]>::try_from(bytes.as_slice())
    {
        return Ok(key);
    }
    let key: [u8; 32] = rand::random();
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(&key)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).expect("reads").map(|entry| entry.expect("is there").file_name());
        let mut names: Vec<String> = names.map(|name| name.into_string().expect("text")).collect();
        names.sort();
        names
    }

    #[test]
    fn what_a_crash_has_left_goes_at_the_next_start() {
        let folder = tempfile::tempdir().expect("a folder");
        let engine = Engine::default();
        let cache = Cache::open(folder.path(), &engine, None).expect("opens");
        let compatible = format!("{:016x}", cache.compatibility);
        for name in [
            format!("aa-{compatible}-00.cwasm"),
            format!("bb-{compatible}-00.cwasm"),
            format!("aa-{compatible}-01.partial"),
            "aa-0000000000000000-00.cwasm".to_owned(),
        ] {
            fs::write(folder.path().join(name), "x").expect("writes");
        }
        Cache::open(folder.path(), &engine, None).expect("opens");
        assert_eq!(names(folder.path()).len(), 3, "who knows no components removes none of theirs");
        let known = BTreeSet::from(["aa".to_owned()]);
        let cache = Cache::open(folder.path(), &engine, Some(&known)).expect("opens");
        assert_eq!(names(folder.path()), [format!("aa-{compatible}-00.cwasm"), "key".to_owned()]);
        assert!(cache.load("aa", &engine).is_none(), "it is not what we wrote");
        assert_eq!(names(folder.path()), ["key"]);
    }
}
