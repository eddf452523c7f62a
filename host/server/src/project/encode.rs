//! Components of core modules, for compilers that know nothing else.

use super::template;
use anyhow::Context as _;
use std::path::Path;
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME as ADAPTED, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER as ADAPTER,
};
use wasm_encoder::{Module, RawSection};
use wasmparser::{Parser, Payload};
use wit_component::{ComponentEncoder, StringEncoding};
use wit_parser::Resolve;

/// The world that a module fulfils. One that has no orchestrators, or no activities, lists none.
const WORLD: &str = "module";

/// Makes a component, by the guest contract that this program serves, of the core module in `core`.
pub(super) fn component(core: &Path, output: &Path) -> anyhow::Result<()> {
    let module = std::fs::read(core).with_context(|| core.display().to_string())?;
    let component = encode(module).context("what was compiled does not fit the guest contract")?;
    std::fs::write(output, component).with_context(|| output.display().to_string())
}

fn encode(module: Vec<u8>) -> anyhow::Result<Vec<u8>> {
    let mut module = without_debug_information(&module)?;
    let mut resolve = Resolve::default();
    let package = resolve.push_str("dacapo.wit", &template::contract()?)?;
    let world = resolve.select_world(&[package], Some(WORLD))?;
    wit_component::embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
    // Left out where the module imports nothing of it.
    ComponentEncoder::default().module(&module)?.adapter(ADAPTED, ADAPTER)?.validate(true).encode()
}

/// Leaves out what only a debugger reads, which is the larger part. Names of functions stay: a failure shows its stack.
fn without_debug_information(module: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut kept = Module::new();
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload?;
        let is_debug = matches!(&payload, Payload::CustomSection(custom) if custom.name().starts_with(".debug_"));
        if let Some((id, range)) = payload.as_section().filter(|_| !is_debug) {
            kept.section(&RawSection { id, data: &module[range] });
        }
    }
    Ok(kept.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_the_contract_is_said() {
        let folder = tempfile::tempdir().expect("a folder");
        let (core, output) = (folder.path().join("core.wasm"), folder.path().join("module.wasm"));
        // An empty module.
        std::fs::write(&core, b"\0asm\x01\0\0\0").expect("written");
        let error = format!("{:#}", component(&core, &output).expect_err("it exports nothing"));
        assert!(error.contains("guest contract") && error.contains("dacapo:orchestration/"), "{error}");
        assert!(!output.exists());
    }
}
