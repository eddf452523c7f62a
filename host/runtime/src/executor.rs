//! What the runtime asks of those who run guests. `dacapo-wasm` implements it; tests implement it natively.

use dacapo_core::{Failure, Orchestration, Payload};
use dacapo_store::{ModuleVersion, VersionId};
use futures::future::BoxFuture;
use std::sync::{Arc, Mutex};

/// An execution that is being played: the guest asks it, the runtime feeds it. Never locked across an await.
pub type SharedOrchestration = Arc<Mutex<Orchestration>>;

/// Plays orchestrators.
pub trait OrchestratorExecutor: Send + Sync + 'static {
    /// Sets up a play of the orchestrator that `orchestration` names. No guest code of the flow has run yet.
    fn begin<'a>(
        &'a self,
        version: &'a ModuleVersion,
        orchestration: SharedOrchestration,
    ) -> BoxFuture<'a, Result<Box<dyn Play>, PlayError>>;
}

/// One guest at rest, with its call parked. Dropping it is always safe: the history is the truth.
pub trait Play: Send + 'static {
    /// Lets the guest run until every path of it waits, or it ends.
    fn run_turn(&mut self) -> BoxFuture<'_, Result<GuestEnd, PlayError>>;
    /// What it costs to keep it parked, in bytes. An estimate.
    fn memory_bytes(&self) -> usize;
}

/// How a guest's turn ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GuestEnd {
    /// It waits.
    Parked,
    /// The orchestrator returned.
    Returned(Result<Payload, Failure>),
    /// It trapped, by its own doing: it would do so again.
    Trapped(Failure),
}

/// Why a guest could not go on, by no doing of the flow's own. It may be tried again.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PlayError {
    /// Cut by a limit of the machine. Never an event of the history by itself.
    #[error("{0}")]
    Cut(String),
    /// There is no room for another guest at the moment.
    #[error("no room for another warm instance: {0}")]
    NoRoom(String),
    /// The module cannot be loaded, and trying again would not help.
    #[error("the module cannot be loaded: {0}")]
    Unavailable(String),
    /// Something that the host needs for it does not answer: the store, the disk, the compiler. It will be back.
    #[error("the module cannot be loaded at the moment: {0}")]
    NotNow(String),
}

/// Runs activities.
pub trait ActivityExecutor: Send + Sync + 'static {
    /// Whether activities of this module can have no effect outside: the sandbox gives them nothing to have one with.
    /// A pure activity may run before the turn that asked for it is durable, and may run in vain.
    fn is_pure(&self, version: &ModuleVersion) -> bool;

    /// Runs the activity once. The outer error says why it did not run to its end by no doing of its own.
    fn run(&self, version: Arc<ModuleVersion>, run: ActivityRun) -> BoxFuture<'_, ActivityEnd>;
}

/// How the run of an activity ended.
pub type ActivityEnd = Result<Result<Payload, Failure>, PlayError>;

/// Activities that are no module's: those that the operator has configured, and those that are built in. They can have
/// effects, so that they wait for the turn that asks for them.
pub trait HostActivities: Send + Sync + 'static {
    /// Whether it runs the activity, and for whom.
    fn offers(&self, name: &str) -> Option<Offer>;

    /// Runs the activity once.
    fn run(&self, run: ActivityRun) -> BoxFuture<'_, RunEnd>;
}

/// For whom the host runs an activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// For everybody: the operator has said so, also where a module exports one of that name.
    Configured,
    /// Where no module exports one of that name.
    BuiltIn,
}

/// How a run came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// It is done.
    Done(Result<Payload, Failure>),
    /// What was asked for has begun, and is not done: it is to be asked again, with another input.
    Later {
        /// What it is asked then.
        input: Payload,
        /// After which time, in milliseconds.
        after_ms: u64,
    },
}

/// A host without activities of its own.
pub struct NoHostActivities;

impl HostActivities for NoHostActivities {
    fn offers(&self, _name: &str) -> Option<Offer> {
        None
    }

    fn run(&self, run: ActivityRun) -> BoxFuture<'_, RunEnd> {
        let message = format!("The host has no activity '{}'.", run.name);
        Box::pin(async { RunEnd::Done(Err(Failure::new("activity-not-found", message))) })
    }
}

type Hear = dyn Fn(&str) -> Result<(), String> + Send + Sync;

/// Where a run says how far it is. What it says is JSON, is shown, and is not durable.
#[derive(Clone)]
pub struct Reporter(Arc<Hear>);

impl Reporter {
    /// Says it to `hear`, which answers why it cannot be shown.
    pub fn to(hear: impl Fn(&str) -> Result<(), String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(hear))
    }

    /// The run has come so far. The error says what is wrong with `value`.
    pub fn report(&self, value: &str) -> Result<(), String> {
        self.0(value)
    }
}

impl std::fmt::Debug for Reporter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reporter")
    }
}

/// One run of an activity.
#[derive(Clone, Debug)]
pub struct ActivityRun {
    /// The activity.
    pub name: String,
    /// Its input.
    pub input: Payload,
    /// The instance that called.
    pub instance_id: String,
    /// The same for every attempt and every re-run of this call.
    pub idempotency_key: String,
    /// 1 for the first.
    pub attempt: u32,
    /// The time of the run, in milliseconds since 1970.
    pub now_ms: u64,
    /// Where it says how far it is.
    pub reporter: Reporter,
}

/// Checks and prepares what is deployed.
pub trait ModuleLoader: Send + Sync + 'static {
    /// Checks that `component` is a module of ours, compiles it and keeps the result, so that a play begins at once.
    fn prepare<'a>(&'a self, digest: &'a str, component: &'a [u8]) -> BoxFuture<'a, Result<Exports, InvalidModule>>;

    /// No version has this digest (any more): what was kept of it can go.
    fn forget<'a>(&'a self, digest: &'a str) -> BoxFuture<'a, ()>;
}

/// What a module offers and needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exports {
    /// Its orchestrators.
    pub orchestrators: Vec<String>,
    /// Its activities.
    pub activities: Vec<String>,
    /// The interfaces it imports.
    pub imports: Vec<String>,
}

impl Exports {
    /// The build that has these, as a version of `module`; one that is not deployed, and has neither key nor number.
    pub fn of_build(self, module: &str, digest: String, size_bytes: u64) -> ModuleVersion {
        ModuleVersion {
            id: VersionId(0),
            module: module.to_owned(),
            version: 0,
            digest,
            size_bytes,
            orchestrators: self.orchestrators,
            activities: self.activities,
            imports: self.imports,
            created_at_ms: 0,
            active: false,
        }
    }
}

/// Why something that was deployed is not a module of ours. The text says what it is and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidModule {
    /// The upload itself is wrong.
    #[error("{0}")]
    NotAModule(String),
    /// It is a component, but the host could not compile or probe it.
    #[error("{0}")]
    NotUsable(String),
    /// It could not be checked at the moment; that says nothing about it.
    #[error("{0}")]
    NotNow(String),
}

/// All that runs guests, together.
#[derive(Clone)]
pub struct Guests {
    /// For orchestrators.
    pub orchestrators: Arc<dyn OrchestratorExecutor>,
    /// For activities.
    pub activities: Arc<dyn ActivityExecutor>,
    /// For activities that are no module's.
    pub host: Arc<dyn HostActivities>,
    /// For deployments.
    pub loader: Arc<dyn ModuleLoader>,
}
