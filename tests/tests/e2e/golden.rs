//! Histories that earlier versions wrote still replay: every sample's, as it was played when its file was made.

use anyhow::{Context as _, Result, ensure};
use dacapo_core::Limits;
use dacapo_core::ids::sha256_hex;
use dacapo_runtime::Guests;
use dacapo_runtime::export::{HistoryFile, ReplayError};
use dacapo_store::ModuleVersion;
use dacapo_tests::server::{golden_histories, guest, read, sample};
use dacapo_wasm::WasmConfig;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

/// Builds that were prepared, by file.
struct Builds {
    guests: Guests,
    ready: BTreeMap<String, ModuleVersion>,
    _folder: TempDir,
}

impl Builds {
    fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let config = WasmConfig { instances: 50, ..WasmConfig::new(folder.path().to_owned()) };
        let guests = dacapo_wasm::guests(config, Arc::new(|_: &str| Ok(None)))?;
        Ok(Self { guests, ready: BTreeMap::new(), _folder: folder })
    }

    async fn get(&mut self, file: &Path) -> Result<ModuleVersion> {
        let key = file.display().to_string();
        if let Some(version) = self.ready.get(&key) {
            return Ok(version.clone());
        }
        let component = read(file)?;
        let digest = sha256_hex(&component);
        let exports = self.guests.loader.prepare(&digest, &component).await?;
        let version = exports.of_build(&key, digest, component.len() as u64);
        self.ready.insert(key, version.clone());
        Ok(version)
    }

    /// How many turns of a history replay on a build; the error is the divergence.
    async fn replay(&mut self, history: &HistoryFile, build: &Path) -> Result<Result<usize, String>> {
        let version = self.get(build).await?;
        let mut replay = history.replay(&*self.guests.orchestrators, &version, Limits::default()).await?;
        let mut turns = 0;
        while let Some(played) = replay.next().await {
            match played {
                Ok(_) => turns += 1,
                Err(error @ ReplayError::Diverged { .. }) => return Ok(Err(error.to_string())),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Ok(turns))
    }
}

fn histories() -> Result<Vec<(String, HistoryFile)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(golden_histories())? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).context("a name")?.to_owned();
        let history = HistoryFile::parse(&std::fs::read_to_string(&path)?).with_context(|| name.clone())?;
        found.push((name, history));
    }
    ensure!(!found.is_empty(), "there are no golden histories");
    Ok(found)
}

fn module(history: &HistoryFile) -> Result<String> {
    Ok(history.module.as_ref().context("it names its module")?.name.clone())
}

#[tokio::test]
async fn every_golden_history_replays_on_the_sample_of_today() -> Result<()> {
    let mut builds = Builds::new()?;
    for (name, history) in histories()? {
        let turns = builds.replay(&history, &sample(&module(&history)?)).await.with_context(|| name.clone())?;
        let turns = turns.map_err(|divergence| anyhow::anyhow!("{name}: {divergence}"))?;
        assert!(turns > 1, "{name}: nothing was played");
    }
    Ok(())
}

#[tokio::test]
async fn every_sample_orchestrator_has_one() -> Result<()> {
    let mut builds = Builds::new()?;
    let (mut modules, mut there) = (BTreeSet::new(), BTreeSet::new());
    for (_, history) in histories()? {
        modules.insert(module(&history)?);
        there.insert(history.name);
    }
    let samples = std::fs::read_dir(sample("x").parent().context("a folder")?)?;
    for file in samples {
        let file = file?.path();
        if file.extension().is_some_and(|extension| extension == "wasm") {
            for orchestrator in builds.get(&file).await?.orchestrators {
                assert!(there.contains(&orchestrator), "no golden history of {orchestrator} ({})", file.display());
            }
        }
    }
    Ok(())
}

/// The replay does notice what differs.
#[tokio::test]
async fn a_golden_history_does_not_replay_on_another_flow_of_that_name() -> Result<()> {
    let mut builds = Builds::new()?;
    let (_, history) = histories()?.into_iter().find(|(name, _)| name == "hello-cities.json").context("it is there")?;
    let text = serde_json::to_string(&history)?.replace("\"Seattle\"", "\"Paris\"");
    let diverged = builds.replay(&HistoryFile::parse(&text)?, &sample("Cities")).await?.expect_err("it diverges");
    assert!(diverged.contains("at command 1 (turn 2)") && diverged.contains("Paris"), "{diverged}");
    let other = builds.replay(&history, &guest("flows")).await?;
    assert!(other.is_err(), "{other:?}");
    Ok(())
}
