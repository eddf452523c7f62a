//! Modules that are ready to play, by digest: loaded once, pre-linked, shared by all their instances.

use crate::ComponentSource;
use crate::bindings::activity::ActivityPre;
use crate::bindings::orchestrator::OrchestratorPre;
use crate::cache::Cache;
use crate::compile::Compiler;
use crate::guest::Guest;
use crate::host;
use dacapo_runtime::executor::PlayError;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::OnceCell;
use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

/// A module, linked and ready to be instantiated.
pub(crate) struct Loaded {
    pub(crate) component: Component,
    pub(crate) orchestrator: Result<OrchestratorPre<Guest>, String>,
    pub(crate) activity: Result<ActivityPre<Guest>, String>,
}

/// Why a module cannot be had.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum LoadError {
    /// It cannot be used: the component is at fault.
    #[error("{0}")]
    Unusable(String),
    /// The store, the disk or the compiler does not answer; that says nothing about the component.
    #[error("{0}")]
    NotNow(String),
}

impl From<LoadError> for PlayError {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Unusable(reason) => PlayError::Unavailable(reason),
            LoadError::NotNow(reason) => PlayError::NotNow(reason),
        }
    }
}

type Entry = Arc<OnceCell<Arc<Loaded>>>;

/// All modules that were needed since the start.
pub(crate) struct Registry {
    engine: Engine,
    linker: Arc<Linker<Guest>>,
    cache: Arc<Cache>,
    compiler: Compiler,
    source: ComponentSource,
    loaded: Mutex<HashMap<String, Entry>>,
}

impl Registry {
    pub(crate) fn new(
        engine: Engine,
        cache: Cache,
        compiler: Compiler,
        source: ComponentSource,
    ) -> anyhow::Result<Self> {
        let linker = Arc::new(host::linker(&engine).map_err(crate::engine::plain)?);
        Ok(Self { engine, linker, cache: Arc::new(cache), compiler, source, loaded: Mutex::default() })
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    fn loaded(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The module with this digest.
    pub(crate) async fn get(&self, digest: &str) -> Result<Arc<Loaded>, LoadError> {
        let entry = self.loaded().get(digest).cloned();
        if let Some(loaded) = entry.as_ref().and_then(|entry| entry.get()) {
            return Ok(loaded.clone());
        }
        self.load(digest, None).await
    }

    /// As [`Registry::get`], with the component at hand should it have to be compiled.
    pub(crate) async fn load(&self, digest: &str, component: Option<Vec<u8>>) -> Result<Arc<Loaded>, LoadError> {
        let entry = self.loaded().entry(digest.to_owned()).or_default().clone();
        let loaded = entry.get_or_try_init(|| async {
            let (cache, engine, wanted) = (self.cache.clone(), self.engine.clone(), digest.to_owned());
            let compiled = match blocking(move || Ok(cache.load(&wanted, &engine))).await? {
                Some(compiled) => compiled,
                None => {
                    let component = match component {
                        Some(component) => component,
                        None => self.component(digest).await?,
                    };
                    let artefact = self.compiler.compile(component).await?;
                    let (cache, engine, wanted) = (self.cache.clone(), self.engine.clone(), digest.to_owned());
                    blocking(move || cache.store(&wanted, &artefact, &engine).map_err(LoadError::Unusable)).await?
                }
            };
            let linker = self.linker.clone();
            blocking(move || link(&linker, compiled).map(Arc::new).map_err(LoadError::Unusable)).await
        });
        loaded.await.cloned()
    }

    async fn component(&self, digest: &str) -> Result<Vec<u8>, LoadError> {
        let (source, wanted) = (self.source.clone(), digest.to_owned());
        let found = blocking(move || source(&wanted).map_err(LoadError::NotNow)).await?;
        found.ok_or_else(|| LoadError::Unusable(format!("the store holds no component {digest}")))
    }

    /// Nobody needs the module any more, in memory or on disk. Instances that are at work keep what they have.
    pub(crate) async fn forget(&self, digest: &str) {
        self.loaded().remove(digest);
        let (cache, digest) = (self.cache.clone(), digest.to_owned());
        let _ = blocking(move || {
            cache.forget(&digest);
            Ok(())
        })
        .await;
    }
}

/// Work that reads files or computes for long, off the async threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LoadError> + Send + 'static,
) -> Result<T, LoadError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(LoadError::NotNow(format!("loading was given up: {error}"))))
}

fn link(linker: &Linker<Guest>, component: Component) -> Result<Loaded, String> {
    let pre = linker.instantiate_pre(&component).map_err(|error| format!("{error:#}"))?;
    Ok(Loaded {
        orchestrator: OrchestratorPre::new(pre.clone()).map_err(|error| format!("{error:#}")),
        activity: ActivityPre::new(pre).map_err(|error| format!("{error:#}")),
        component,
    })
}
