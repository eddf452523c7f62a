//! Is an upload a module of ours, and what does it export?

use crate::bindings::{ACTIVITIES, ORCHESTRATORS, PACKAGE, PACKAGE_VERSION};
use crate::guest::{Gate, Guest, Role};
use crate::registry::{LoadError, Loaded};
use crate::{Host, Wasm};
use dacapo_runtime::executor::{Exports, InvalidModule, ModuleLoader, PlayError};
use futures::future::BoxFuture;
use wasmtime::component::Component;

impl ModuleLoader for Wasm {
    fn prepare<'a>(&'a self, digest: &'a str, component: &'a [u8]) -> BoxFuture<'a, Result<Exports, InvalidModule>> {
        Box::pin(async move {
            check_header(component)?;
            let loaded =
                self.0.registry.load(digest, Some(component.to_owned())).await.map_err(|error| match error {
                    LoadError::Unusable(reason) => refuse(&reason),
                    LoadError::NotNow(reason) => {
                        InvalidModule::NotNow(format!("The component was not checked: {reason}"))
                    }
                })?;
            check_interfaces(&loaded.component)?;
            check_worlds(&loaded)?;
            let (orchestrators, activities) = probe(&self.0, &loaded).await?;
            Ok(Exports { orchestrators, activities, imports: imports(&loaded.component) })
        })
    }

    fn forget<'a>(&'a self, digest: &'a str) -> BoxFuture<'a, ()> {
        Box::pin(self.0.registry.forget(digest))
    }
}

/// A component begins with these: the magic number, the component version, the component layer.
const COMPONENT: [u8; 8] = *b"\0asm\x0d\0\x01\0";
const CORE_MODULE: [u8; 8] = *b"\0asm\x01\0\0\0";

fn check_header(bytes: &[u8]) -> Result<(), InvalidModule> {
    let not = |text: String| Err(InvalidModule::NotAModule(text));
    match bytes.get(..8) {
        Some(header) if header == COMPONENT => Ok(()),
        Some(header) if header == CORE_MODULE => {
            not("This is a core WebAssembly module, not a component. Build for wasm32-wasip2, or wrap it with \
             `wasm-tools component new`."
                .into())
        }
        Some(header) if header.starts_with(b"\0asm") => {
            not(format!("This is WebAssembly of an unknown layer or version ({}).", hex::encode(&header[4..])))
        }
        _ => {
            let start = String::from_utf8_lossy(&bytes[..bytes.len().min(16)]).into_owned();
            not(format!("This is not WebAssembly: it has {} bytes and begins with {start:?}.", bytes.len()))
        }
    }
}

/// What the compiler or the linker said, made a sentence for whoever deployed it.
fn refuse(reason: &str) -> InvalidModule {
    let reason = reason.trim();
    if let Some(at) = reason.find(&format!("`{PACKAGE}/")) {
        let named = reason[at + 1..].split('`').next().unwrap_or_default();
        if !is_served(named) {
            return other_version(named);
        }
    }
    InvalidModule::NotUsable(format!("The component cannot be used: {reason}"))
}

fn other_version(interface: &str) -> InvalidModule {
    let version = interface.split_once('@').map_or("(none)", |(_, version)| version);
    InvalidModule::NotAModule(format!(
        "The component was built against {PACKAGE}@{version} (interface '{interface}'); this host serves \
         {PACKAGE}@{PACKAGE_VERSION}. Build it with the SDK of this version of Dacapo."
    ))
}

/// Whether an interface of our package has a version that this host serves.
fn is_served(interface: &str) -> bool {
    interface.split_once('@').is_some_and(|(_, version)| version.starts_with("0.1."))
}

fn check_interfaces(component: &Component) -> Result<(), InvalidModule> {
    let engine = component.engine();
    let ty = component.component_type();
    let ours = |name: &str| name.starts_with(&format!("{PACKAGE}/"));
    let exports: Vec<String> = ty.exports(engine).map(|(name, _)| name.to_owned()).collect();
    let mut named = imports(component).into_iter().chain(exports.iter().cloned()).filter(|name| ours(name));
    if let Some(foreign) = named.find(|name| !is_served(name)) {
        return Err(other_version(&foreign));
    }
    if !exports.iter().any(|name| ours(name)) {
        let found = if exports.is_empty() { "nothing".into() } else { exports.join(", ") };
        return Err(InvalidModule::NotAModule(format!(
            "The component exports neither '{ORCHESTRATORS}' nor '{ACTIVITIES}'; it exports {found}. Is it built with a \
             Dacapo SDK, or against the world 'orchestrator', 'activity' or 'module'?"
        )));
    }
    Ok(())
}

/// An interface that is exported under our name must be ours: the same functions, with the same types.
fn check_worlds(loaded: &Loaded) -> Result<(), InvalidModule> {
    let ty = loaded.component.component_type();
    let exports = |interface: &str| {
        ty.exports(loaded.component.engine()).any(|(name, _)| name.split('@').next() == interface.split('@').next())
    };
    for (interface, fault) in
        [(ORCHESTRATORS, loaded.orchestrator.as_ref().err()), (ACTIVITIES, loaded.activity.as_ref().err())]
    {
        if let Some(fault) = fault.filter(|_| exports(interface)) {
            let text = format!("The component's export '{interface}' is not the one that this host calls: {fault}");
            return Err(InvalidModule::NotAModule(text));
        }
    }
    Ok(())
}

fn imports(component: &Component) -> Vec<String> {
    component.component_type().imports(component.engine()).map(|(name, _)| name.to_owned()).collect()
}

/// Asks the module for the names of its functions.
async fn probe(host: &Host, module: &Loaded) -> Result<(Vec<String>, Vec<String>), InvalidModule> {
    let gate = Gate::new(host.config.turn_cpu_ms);
    gate.begin(0);
    let mut store = Guest::store(host, Role::Probe, gate.clone(), None);
    let last_words = store.data().last_words.clone();
    let _running = host.ticker.running();
    let asked = async {
        let (mut orchestrators, mut activities) = (Vec::new(), Vec::new());
        if let Ok(pre) = &module.orchestrator {
            let guest = pre.instantiate_async(&mut store).await?;
            orchestrators = guest.dacapo_orchestration_orchestrators().call_names(&mut store).await?;
        }
        if let Ok(pre) = &module.activity {
            let guest = pre.instantiate_async(&mut store).await?;
            activities = guest.dacapo_orchestration_activities().call_names(&mut store).await?;
        }
        Ok((orchestrators, activities))
    };
    let (orchestrators, activities) = asked.await.map_err(|error: wasmtime::Error| {
        let reason = match Guest::judge(&gate, &last_words, &error) {
            Ok(failure) => failure.message,
            Err(PlayError::Cut(reason)) => reason,
            Err(error) => return InvalidModule::NotNow(format!("The component was not checked: {error}")),
        };
        InvalidModule::NotUsable(format!("The module was asked for the names of its functions, and failed: {reason}"))
    })?;
    if orchestrators.is_empty() && activities.is_empty() {
        let text = "The module exports no function: its lists of orchestrators and activities are both empty.";
        return Err(InvalidModule::NotAModule(text.into()));
    }
    Ok((orchestrators, activities))
}
