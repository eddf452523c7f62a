//! Tests of flows without a server: a flow is played natively, against scripted activities, events and time.
//!
//! Time is virtual: a flow that waits for an hour takes no time at all. Each flow is played twice, the second time with
//! the recorded outcomes as a server would after a crash, and a flow that then asks for something else panics: it could
//! not go on.
//!
//! ```
//! use dacapo::prelude::*;
//! use dacapo::testing::Play;
//! use std::time::Duration;
//!
//! #[orchestrator]
//! async fn approval(ctx: Context, who: String) -> Result<bool> {
//!     ctx.call_activity::<()>("Ask", &who).await?;
//!     ctx.set_custom_status("asked")?;
//!     let answer = ctx.wait_for_event::<bool>("Answer");
//!     Ok(ctx.with_timeout(Duration::from_secs(3600), answer).await?.unwrap_or(false))
//! }
//!
//! let asked = Play::of::<approval>().input("ada").activity("Ask", |_: String| Ok(()));
//! let played = asked.event_after(Duration::from_secs(60), "Answer", true).run();
//! assert_eq!(played.statuses, ["asked"]);
//! assert_eq!(played.output, Ok(json!(true)));
//! ```

pub(crate) mod host;

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::decode::{Source, decode_input, encode};
use crate::error::{Error, Result};
use crate::export::{Activity, Orchestrator, Outcome};
use host::{Answer, World};

/// A flow that is about to be played: what it is given, and what happens around it.
#[must_use = "nothing is played before `run`"]
pub struct Play {
    flow: fn() -> Outcome,
    world: World,
}

/// What has become of a flow.
#[derive(Clone, Debug)]
pub struct Played {
    /// What it returned.
    pub output: Result<Value>,
    /// The custom statuses that it set, in order.
    pub statuses: Vec<Value>,
    /// What it asked for, in order: `SayHello("Tokyo")`, `timer 60000 ms`, `event Answer`, `orchestrator Pay({...})`.
    pub commands: Vec<String>,
    /// Events that it raised: the instance, the event's name, its data.
    pub raised: Vec<(String, String, Value)>,
    /// The input of the next execution, and whether events that nothing has taken go along, if it asked for one.
    pub continued: Option<(Value, bool)>,
    /// The virtual time that went by.
    pub took: Duration,
}

impl Play {
    /// A flow that was marked with [`#[orchestrator]`](macro@crate::orchestrator): `Play::of::<hello_cities>()`.
    pub fn of<O: Orchestrator>() -> Self {
        Self { flow: O::run, world: World::new() }
    }

    /// Its input; `null` without one.
    ///
    /// # Panics
    /// If it cannot be written as JSON.
    pub fn input(mut self, input: impl Serialize) -> Self {
        self.world.input = json(&input, "the input");
        self
    }

    /// The id of the instance.
    pub fn instance_id(mut self, id: impl Into<String>) -> Self {
        self.world.instance_id = id.into();
        self
    }

    /// The time at which it starts, in milliseconds since 1970.
    pub fn at_ms(mut self, now_ms: u64) -> Self {
        self.world.start_at(now_ms);
        self
    }

    /// Answers for an activity. It is asked once for each attempt.
    pub fn activity<I, T>(mut self, name: &str, answer: impl FnMut(I) -> Result<T> + 'static) -> Self
    where
        I: DeserializeOwned,
        T: Serialize,
    {
        self.world.answer(name, in_json(name, answer));
        self
    }

    /// Runs one of the module's own activities: `.own_activity::<say_hello>()`.
    pub fn own_activity<A: Activity + 'static>(mut self) -> Self {
        self.world.answer(A::NAME, Box::new(A::run));
        self
    }

    /// Answers for a child orchestration.
    pub fn orchestrator<I, T>(mut self, name: &str, answer: impl FnMut(I) -> Result<T> + 'static) -> Self
    where
        I: DeserializeOwned,
        T: Serialize,
    {
        self.world.answer_child(name, in_json(name, answer));
        self
    }

    /// An event that is there from the beginning.
    ///
    /// # Panics
    /// If its data cannot be written as JSON.
    pub fn event(self, name: &str, data: impl Serialize) -> Self {
        self.event_after(Duration::ZERO, name, data)
    }

    /// An event that comes so long after the beginning.
    ///
    /// # Panics
    /// If its data cannot be written as JSON.
    pub fn event_after(mut self, delay: Duration, name: &str, data: impl Serialize) -> Self {
        self.world.raise_after(delay, name, json(&data, "the data of an event"));
        self
    }

    /// Plays it to its end, and once more as after a crash.
    ///
    /// # Panics
    /// If it waits for something that the test does not bring about, or is not the same when it is played again.
    pub fn run(self) -> Played {
        let Self { flow, world } = self;
        let (first, world) = host::play(flow, world);
        let (again, replayed) = host::play(flow, world.to_be_replayed());
        assert_eq!(
            world.commands, replayed.commands,
            "the flow is not the same when it is played again: does it use something of the machine's own?"
        );
        assert_eq!(first.is_ok(), again.is_ok(), "the flow does not end the same when it is played again");
        let value = |text: &String| serde_json::from_str(text).unwrap_or(Value::Null);
        Played {
            output: first.map(|json| value(&json)).map_err(Error::from_failure),
            statuses: world.statuses.iter().map(value).collect(),
            raised: world.raised.iter().map(|(id, name, data)| (id.clone(), name.clone(), value(data))).collect(),
            continued: world.continued.as_ref().map(|(input, keep)| (value(input), *keep)),
            took: Duration::from_millis(world.elapsed_ms()),
            commands: world.commands,
        }
    }
}

fn json(value: &impl Serialize, what: &str) -> String {
    match encode(value, what) {
        Ok(json) => json,
        Err(error) => panic!("{error}"),
    }
}

/// What answers for `name`, from JSON to JSON.
fn in_json<I, T>(name: &str, mut answer: impl FnMut(I) -> Result<T> + 'static) -> Answer
where
    I: DeserializeOwned,
    T: Serialize,
{
    let source = Source::ActivityInput(name.to_owned());
    Box::new(move |input| {
        let answered = decode_input(input, &source).and_then(&mut answer);
        answered.and_then(|value| encode(&value, "the answer of a test")).map_err(Error::into_failure)
    })
}
