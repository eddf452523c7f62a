//! The only `bindgen!`: Rust types and traits for the WIT package.

/// The world of orchestrators.
pub(crate) mod orchestrator {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "orchestrator",
        imports: {
            "dacapo:orchestration/context@0.1.0.await-any": async | tracing | verbose_tracing | trappable,
            "dacapo:orchestration/context@0.1.0.await-next": async | tracing | verbose_tracing | trappable,
            default: tracing | verbose_tracing | trappable,
        },
        exports: { default: async },
        with: { "dacapo:orchestration/context.task": crate::host::context::Task },
    });
}

/// The world of activities.
pub(crate) mod activity {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "activity",
        imports: { default: tracing | verbose_tracing | trappable },
        exports: { default: async },
        with: { "dacapo:orchestration/types": super::orchestrator::dacapo::orchestration::types },
    });
}

pub(crate) use orchestrator::Orchestrator;
pub(crate) use orchestrator::dacapo::orchestration::types;

/// The WIT package that this host serves, without its version.
pub(crate) const PACKAGE: &str = "dacapo:orchestration";
/// Its version. Guests built against a compatible one (same 0.x) are served.
pub(crate) const PACKAGE_VERSION: &str = "0.1.0";
/// What a module exports its orchestrators as.
pub(crate) const ORCHESTRATORS: &str = "dacapo:orchestration/orchestrators@0.1.0";
/// What a module exports its activities as.
pub(crate) const ACTIVITIES: &str = "dacapo:orchestration/activities@0.1.0";
