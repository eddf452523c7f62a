//! Modules that are ready to play, by digest: loaded once, pre-linked, shared by all their instances.

use crate::ComponentSource;
use crate::bindings::activity::ActivityPre;
use crate::bindings::orchestrator::OrchestratorPre;
use crate::cache::Cache;
use crate::compile::Compiler;
use crate::guest::Guest;
use crate::host;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OnceCell;
use wasmtime::Engine;
use wasmtime::component::{Component, InstancePre, Linker};

/// A module, linked and ready to be instantiated.
pub(crate) struct Loaded {
    pub(crate) component: Component,
    pub(crate) orchestrator: Option<OrchestratorPre<Guest>>,
    pub(crate) activity: Option<ActivityPre<Guest>>,
}

type Entry = Arc<OnceCell<Arc<Loaded>>>;

/// All modules that were needed since the start.
pub(crate) struct Registry {
    engine: Engine,
    linker: Linker<Guest>,
    cache: Cache,
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
        let linker = host::linker(&engine).map_err(crate::engine::plain)?;
        Ok(Self { engine, linker, cache, compiler, source, loaded: Mutex::default() })
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The module with this digest. The error says why it cannot be had.
    pub(crate) async fn get(&self, digest: &str) -> Result<Arc<Loaded>, String> {
        let entry = self.loaded.lock().unwrap_or_else(PoisonError::into_inner).get(digest).cloned();
        if let Some(loaded) = entry.as_ref().and_then(|entry| entry.get()) {
            return Ok(loaded.clone());
        }
        self.load(digest, || match (self.source)(digest) {
            Ok(Some(component)) => Ok(component),
            Ok(None) => Err(format!("the store holds no component {digest}")),
            Err(error) => Err(error),
        })
        .await
    }

    /// As [`Registry::get`], with the component at hand should it have to be compiled.
    pub(crate) async fn load(
        &self,
        digest: &str,
        component: impl FnOnce() -> Result<Vec<u8>, String>,
    ) -> Result<Arc<Loaded>, String> {
        let entry =
            self.loaded.lock().unwrap_or_else(PoisonError::into_inner).entry(digest.to_owned()).or_default().clone();
        let loaded = entry.get_or_try_init(|| async {
            let compiled = match self.cache.load(digest, &self.engine) {
                Some(compiled) => compiled,
                None => {
                    let artefact = self.compiler.compile(component()?).await?;
                    self.cache.store(digest, &artefact, &self.engine)?
                }
            };
            self.link(compiled).map(Arc::new)
        });
        loaded.await.cloned()
    }

    fn link(&self, component: Component) -> Result<Loaded, String> {
        let pre = self.linker.instantiate_pre(&component).map_err(|error| format!("{error:#}"))?;
        Ok(Loaded {
            orchestrator: world(&pre, OrchestratorPre::new),
            activity: world(&pre, ActivityPre::new),
            component,
        })
    }
}

/// The module seen as a world, if it exports what that world wants.
fn world<T>(pre: &InstancePre<Guest>, new: impl FnOnce(InstancePre<Guest>) -> wasmtime::Result<T>) -> Option<T> {
    new(pre.clone()).ok()
}
