//! A store under test, and short ways to say what is written to it.

use super::Observed;
use crate::write::{Delivery, NewInstance, NewModule, TurnWrite};
use crate::{Instance, InstanceKey, ModuleVersion, Refused, Store, StoredTurn, VersionId, Write, Written};
use dacapo_core::ids::sha256_hex;
use dacapo_core::{By, Event, InstanceId, Orchestration, Payload, RuntimeStatus, TurnRecord};

type Opener = Box<dyn Fn() -> Box<dyn Store>>;

/// A store under test.
pub struct Fixture {
    store: Option<Box<dyn Store>>,
    opener: Option<Opener>,
}

impl Fixture {
    /// A store that forgets everything when it is dropped; reopening it does nothing.
    pub fn volatile(store: impl Store) -> Self {
        Self { store: Some(Box::new(store)), opener: None }
    }

    /// A store that must show everything when `open` is called again after it was dropped.
    pub fn durable<S: Store>(open: impl Fn() -> S + 'static) -> Self {
        let opener: Opener = Box::new(move || Box::new(open()));
        Self { store: Some(opener()), opener: Some(opener) }
    }

    /// The store.
    pub fn store(&self) -> &dyn Store {
        self.store.as_deref().expect("there is a store but for the moment of reopening")
    }

    /// Closes the store and opens it again.
    pub fn reopen(&mut self) {
        if let Some(opener) = &self.opener {
            // First away with the old one: a folder has one store at a time.
            self.store = None;
            self.store = Some(opener());
        }
    }

    /// Everything that can be read.
    pub fn observe(&self) -> Observed {
        Observed::of(self.store())
    }

    /// Commits a batch of one.
    pub fn write(&self, write: Write) -> Result<Written, Refused> {
        let answers = self.store().commit(&[write]).expect("commits");
        let [answer] = <[_; 1]>::try_from(answers).expect("one write, one answer");
        answer
    }

    /// Commits one write that must not be refused.
    pub fn done(&self, write: Write) -> Written {
        self.write(write).expect("is not refused")
    }

    /// Adds a module with one orchestrator, both with this name, and returns its version.
    pub fn version(&self, module: &str) -> VersionId {
        self.add(new_module(module, "d1", &[module])).id
    }

    /// Adds a module.
    pub fn add(&self, new: NewModule) -> ModuleVersion {
        match self.done(Write::AddModule(new)) {
            Written::ModuleAdded { version, .. } => version,
            other => panic!("{other:?}"),
        }
    }

    /// The one version that instances get here when it does not matter.
    pub fn some_version(&self) -> VersionId {
        let known = self.store().modules().expect("reads");
        known.first().map_or_else(|| self.version("some"), |version| version.id)
    }

    /// Creates an instance of [`Fixture::some_version`].
    pub fn create(&self, id: &str) -> InstanceKey {
        self.create_as(new_instance(id, self.some_version()))
    }

    /// Creates an instance.
    pub fn create_as(&self, new: NewInstance) -> InstanceKey {
        match self.done(Write::Create(new)) {
            Written::Created { key, .. } => key,
            other => panic!("{other:?}"),
        }
    }

    /// The instance that has this id.
    pub fn find(&self, text: &str) -> Option<Instance> {
        self.store().instance(&id(text)).expect("reads")
    }

    /// The instance that has this id now.
    pub fn get(&self, text: &str) -> Instance {
        self.find(text).expect("is there")
    }

    /// A turn on top of what an instance is now: it keeps running and consumes nothing.
    pub fn next_turn(&self, text: &str) -> TurnWrite {
        turn(&self.get(text))
    }

    /// Commits [`Fixture::next_turn`], changed a little.
    pub fn play(&self, text: &str, change: impl FnOnce(&mut TurnWrite)) {
        let mut turn = self.next_turn(text);
        change(&mut turn);
        let answer = self.write(Write::Turn(turn));
        assert!(matches!(&answer, Ok(Written::Turned { sent }) if sent.is_empty()), "{answer:?}");
    }

    /// Commits a turn that ends the instance.
    pub fn finish(&self, text: &str, status: RuntimeStatus) {
        self.play(text, |turn| {
            turn.status = status;
            turn.output = Some(json("\"done\""));
        });
    }

    /// Delivers an event with this name.
    pub fn raise(&self, text: &str, name: &str) -> Result<Written, Refused> {
        self.write(Write::Deliver(raised(text, name)))
    }

    /// A history from the beginning.
    pub fn history(&self, key: InstanceKey) -> Vec<StoredTurn> {
        self.store().history(key, 0, 0).expect("reads")
    }

    /// The names of the events in an inbox, with their numbers.
    pub fn waiting(&self, key: InstanceKey) -> Vec<(u64, String)> {
        let entries = self.store().inbox(key).expect("reads");
        let named = entries.into_iter().map(|entry| match entry.event {
            Event::EventRaised { name, .. } => (entry.seq, name),
            other => panic!("{other:?}"),
        });
        named.collect()
    }
}

/// An instance id.
pub fn id(text: &str) -> InstanceId {
    InstanceId::parse(text).expect("a valid id")
}

/// A JSON value.
pub fn json(text: &str) -> Payload {
    Payload::parse(text).expect("json")
}

/// A new instance of the orchestrator "Flow", created at 1,000 ms with its id as the input.
pub fn new_instance(text: &str, version: VersionId) -> NewInstance {
    let opening = Orchestration::opening("Flow", Payload::string(text), 1_000);
    NewInstance { id: id(text), name: "Flow".to_owned(), version, opening, parent: None }
}

/// A new version of a module, with this text as its component.
pub fn new_module(module: &str, component: &str, orchestrators: &[&str]) -> NewModule {
    NewModule {
        module: module.to_owned(),
        digest: sha256_hex(component.as_bytes()),
        component: component.as_bytes().to_vec(),
        orchestrators: orchestrators.iter().map(|name| (*name).to_owned()).collect(),
        activities: Vec::new(),
        imports: Vec::new(),
        created_at_ms: 500,
    }
}

/// A record with one event, which names `at_ms`.
pub fn record(at_ms: u64) -> TurnRecord {
    TurnRecord::new(at_ms, vec![Event::TimerCreated { fire_at_ms: at_ms }])
}

/// A turn on top of `instance`: it keeps running and consumes nothing.
pub fn turn(instance: &Instance) -> TurnWrite {
    let at_ms = instance.updated_at_ms.saturating_add(1);
    TurnWrite {
        fence: instance.fence(),
        inbox_done: instance.inbox_done,
        record: record(at_ms).encode(),
        at_ms,
        status: RuntimeStatus::Running,
        custom_status: None,
        output: None,
        untaken: instance.untaken,
        wake_at_ms: None,
        open_activities: false,
        next: None,
        outbox: Vec::new(),
    }
}

/// The delivery of an event, to an inbox of 100.
pub fn raised(text: &str, name: &str) -> Delivery {
    let event = Event::EventRaised { name: name.to_owned(), data: json("[1,  2]"), by: Some(By::Client) };
    Delivery { id: id(text), event, limit: 100, limit_untaken: u64::MAX, limit_bytes: u64::MAX }
}

/// A purge.
pub fn purge(text: &str, force: bool) -> Write {
    Write::Purge { id: id(text), force, only: None }
}
