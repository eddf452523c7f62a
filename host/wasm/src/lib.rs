//! Guests in wasmtime: the engine, modules, and the host side of the WIT contract.
//!
//! | module | holds |
//! |---|---|
//! | [`engine`] | the one wasmtime configuration, and the ticker that bounds CPU |
//! | `bindings` | the only `bindgen!` |
//! | `guest` | the data of one store: who plays, within which limits |
//! | `host` | what guests import: translate, call, translate back |
//! | `orchestrator`, `activity` | drive a guest until it parks; run one to its end |
//! | `module` | is an upload a module of ours, and what does it export |
//! | `registry` | modules that are ready to play, by digest |
//! | [`compile`] | compiling, in a child process with limits |
//! | `cache` | compiled modules on disk; the only `unsafe` |

mod activity;
mod bindings;
mod cache;
pub mod compile;
pub mod engine;
mod guest;
mod host;
mod module;
mod orchestrator;
mod registry;

use cache::Cache;
use compile::Compiler;
use dacapo_outgoing::Outgoing;
use dacapo_runtime::Guests;
use dacapo_runtime::executor::NoHostActivities;
use dacapo_store::ModuleVersion;
use engine::Ticker;
use registry::Registry;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

/// Finds the bytes of a component by its digest: the store, seen from here.
pub type ComponentSource = Arc<dyn Fn(&str) -> Result<Option<Vec<u8>>, String> + Send + Sync>;

/// Settings of the guests' host.
#[derive(Clone, Debug)]
pub struct WasmConfig {
    /// Where compiled modules are kept. Only files that this host wrote there are ever loaded.
    pub cache_folder: PathBuf,
    /// The digests of all the components there are. What is kept of others is removed at the start; `None`: nothing is.
    pub known: Option<BTreeSet<String>>,
    /// The program that compiles, called with `compile-module`; `None` compiles in this process, without limits.
    pub compiler: Option<PathBuf>,
    /// CPU of one turn of an orchestrator, in milliseconds (in steps of [`engine::TICK_MS`]).
    pub turn_cpu_ms: u64,
    /// CPU of one run of an activity, in milliseconds.
    pub activity_cpu_ms: u64,
    /// Linear memory of one instance, in bytes.
    pub instance_memory_bytes: usize,
    /// The same for instances of these modules, by name.
    pub module_memory_bytes: BTreeMap<String, usize>,
    /// Guests in memory at the same time: warm instances and running activities.
    pub instances: u32,
    /// With what activities of these modules may send requests.
    pub outgoing: Option<(Outgoing, BTreeSet<String>)>,
}

impl WasmConfig {
    /// The defaults, with compiled modules in `cache_folder`.
    pub fn new(cache_folder: PathBuf) -> Self {
        Self {
            cache_folder,
            known: None,
            compiler: None,
            turn_cpu_ms: 1_000,
            activity_cpu_ms: 30_000,
            instance_memory_bytes: 64 << 20,
            module_memory_bytes: BTreeMap::new(),
            instances: 5_000,
            outgoing: None,
        }
    }

    /// Linear memory of an instance of `module`, in bytes, and the setting that says so. The most of all for `None`: who is
    /// asked what it exports has no name yet.
    fn memory_bytes(&self, module: Option<&str>) -> (usize, String) {
        let default = (self.instance_memory_bytes, "instance_memory_bytes".to_owned());
        match module {
            Some(module) => match self.module_memory_bytes.get(module) {
                Some(bytes) => (*bytes, format!("modules.{module}.memory_bytes")),
                None => default,
            },
            None => {
                let largest = self.module_memory_bytes.values().max();
                largest.map_or(default.clone(), |bytes| default.max((*bytes, "modules.*.memory_bytes".to_owned())))
            }
        }
    }
}

/// Runs guests: the one type behind the runtime's executor traits.
#[derive(Clone)]
pub(crate) struct Wasm(Arc<Host>);

/// What every guest is run with.
pub(crate) struct Host {
    pub(crate) config: WasmConfig,
    pub(crate) ticker: Ticker,
    pub(crate) registry: Registry,
}

impl Host {
    /// With what activities of this version send requests, if they can and may.
    fn outgoing(&self, version: &ModuleVersion) -> Option<Outgoing> {
        let granted = self.config.outgoing.as_ref().filter(|(_, modules)| modules.contains(&version.module));
        granted.filter(|_| host::http::sends(&version.imports)).map(|(outgoing, _)| outgoing.clone())
    }
}

/// Builds the host that runs guests of modules from `source`.
pub fn guests(config: WasmConfig, source: ComponentSource) -> anyhow::Result<Guests> {
    let engine = engine::build(&config).map_err(engine::plain)?;
    let cache = Cache::open(&config.cache_folder, &engine, config.known.as_ref())?;
    let compiler = Compiler::new(engine.clone(), config.compiler.clone());
    let registry = Registry::new(engine.clone(), cache, compiler, source)?;
    let wasm = Arc::new(Wasm(Arc::new(Host { ticker: Ticker::start(engine)?, registry, config })));
    Ok(Guests { orchestrators: wasm.clone(), activities: wasm.clone(), host: Arc::new(NoHostActivities), loader: wasm })
}
