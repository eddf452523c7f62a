//! The flows that are played under torture: all of Rust's samples, what their clients do, and how they have to end.

use crate::draw::Draw;
use crate::server::has_ended;
use serde_json::{Value, json};

/// Lines of an order.
pub const LINES: usize = 5;
/// Ticks that a counter waits for.
pub const TICKS: usize = 6;
/// Ticks that can be told apart: each has a digit of its own, to the base of 4, in a number that JSON keeps exactly.
pub const MOST_TICKS: usize = 26;

/// The steps of an order, as services.
pub const ORDER_STEPS: [&str; 6] =
    ["ReserveStock", "ReleaseStock", "ChargeCustomer", "RefundCustomer", "ShipOrder", "RecallShipment"];

/// What an instance is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Three activities, and a status after each.
    HelloCities,
    /// Waits for an event under one of two names.
    CityRecommender,
    /// Waits for an event or a timer.
    ReserveTicket,
    /// Shows a status, and waits.
    StatusTest,
    /// Shows a large status.
    BigStatus,
    /// An order that is delivered.
    Order,
    /// One whose third line is out of stock.
    BadOrder,
    /// Executions with a timer each.
    MonitorJob,
    /// One that is stopped by its event.
    StoppedMonitor,
    /// Children, one of which is told something.
    Approval,
    /// Fails until it is rewound late enough.
    FailOnce,
    /// Activities, one after the other.
    Steps,
    /// Activities, all at once.
    FanOut,
    /// One activity.
    Trivial,
    /// Waits for an event.
    Park,
    /// One with a large input, which fills the store.
    BigPark,
    /// One that is suspended before its event, and resumed after it.
    SuspendedPark,
    /// One that is terminated.
    TerminatedPark,
    /// Executions that each take one event.
    Counter,
    /// Executions that wait for nothing.
    Tight,
    /// A failure through some children.
    Chain,
}

/// Every kind.
pub const KINDS: [Kind; 21] = [
    Kind::HelloCities,
    Kind::CityRecommender,
    Kind::ReserveTicket,
    Kind::StatusTest,
    Kind::BigStatus,
    Kind::Order,
    Kind::BadOrder,
    Kind::MonitorJob,
    Kind::StoppedMonitor,
    Kind::Approval,
    Kind::FailOnce,
    Kind::Steps,
    Kind::FanOut,
    Kind::Trivial,
    Kind::Park,
    Kind::BigPark,
    Kind::SuspendedPark,
    Kind::TerminatedPark,
    Kind::Counter,
    Kind::Tight,
    Kind::Chain,
];

/// What the client of a flow does next.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Starts it.
    Start,
    /// Waits until it shows at least this place.
    Until(u64),
    /// Waits until this other instance is there.
    Exists(String),
    /// Raises an event to this instance.
    Raise(String, &'static str, Value),
    /// Raises as many ticks as it takes.
    Ticks,
    /// `suspend`, `resume` or `terminate`.
    Act(&'static str),
    /// Waits for its end; lets it go on where it has failed.
    Rewound,
    /// Waits for its end.
    End,
}

/// An instance, and what there is to know of it before it begins.
#[derive(Clone, Debug)]
pub struct Flow {
    /// What it is.
    pub kind: Kind,
    /// Its id.
    pub id: String,
    n: usize,
}

const CITIES: [&str; 3] = ["Tokyo", "Seattle", "London"];
const GENERATIONS: u64 = 5;
/// Letters of a large input.
const BIG: usize = 900_000;

impl Flow {
    /// The `n`-th of this kind in a round.
    pub fn new(kind: Kind, round: &str, n: usize) -> Self {
        Self { kind, id: format!("{kind:?}-{round}-{n}").to_lowercase(), n }
    }

    /// The orchestrator.
    pub fn name(&self) -> &'static str {
        match self.kind {
            Kind::HelloCities => "HelloCities",
            Kind::CityRecommender => "CityRecommender",
            Kind::ReserveTicket => "ReserveTicket",
            Kind::StatusTest => "StatusTest",
            Kind::BigStatus => "BigStatus",
            Kind::Order | Kind::BadOrder => "OrderFulfilment",
            Kind::MonitorJob | Kind::StoppedMonitor => "MonitorJob",
            Kind::Approval => "Approval",
            Kind::FailOnce => "FailOnce",
            Kind::Steps => "Steps",
            Kind::FanOut => "FanOut",
            Kind::Trivial => "Trivial",
            Kind::Park | Kind::BigPark | Kind::SuspendedPark | Kind::TerminatedPark => "Park",
            Kind::Counter => "Counter",
            Kind::Tight => "Tight",
            Kind::Chain => "Chain",
        }
    }

    /// Its input.
    pub fn input(&self) -> Value {
        match self.kind {
            Kind::CityRecommender => json!(1 + self.n % 3),
            Kind::ReserveTicket => json!("user"),
            Kind::BigStatus => json!(4_000),
            Kind::Order | Kind::BadOrder => {
                let lines: Vec<Value> =
                    (0..LINES).map(|n| json!({ "sku": format!("sku-{n}"), "quantity": 1 })).collect();
                let fail_at = if self.kind == Kind::BadOrder { json!("sku-2") } else { Value::Null };
                json!({ "order": self.id, "lines": lines, "failAt": fail_at })
            }
            Kind::MonitorJob => json!({ "job": self.id, "intervalMs": 10, "until": GENERATIONS }),
            Kind::StoppedMonitor => json!({ "job": self.id, "intervalMs": 20 }),
            Kind::Approval => json!({
                "request": "a day off", "approvers": ["ada", "bob"], "escalateTo": "eve", "escalateAfterMs": 3_600_000,
            }),
            Kind::FailOnce => json!(100),
            Kind::Steps | Kind::FanOut => json!(10),
            Kind::BigPark => json!("x".repeat(BIG)),
            Kind::Counter => json!({ "left": TICKS, "sum": 0 }),
            Kind::Tight => json!(20),
            Kind::Chain => json!(2),
            Kind::HelloCities | Kind::StatusTest | Kind::Trivial => Value::Null,
            Kind::Park | Kind::SuspendedPark | Kind::TerminatedPark => Value::Null,
        }
    }

    /// What its client does, in order.
    pub fn steps(&self) -> Vec<Step> {
        let raise = |event, data| Step::Raise(self.id.clone(), event, data);
        let shown = Step::Until(place(1, false));
        let between = match self.kind {
            Kind::CityRecommender => vec![shown, raise("UserChoice", json!(self.id))],
            Kind::ReserveTicket => vec![shown, raise("BookingConfirmed", json!(true))],
            Kind::StatusTest => vec![raise("Done", json!("done"))],
            Kind::StoppedMonitor => vec![Step::Until(place(2, false)), raise("Stop", json!(null))],
            Kind::Approval => {
                let child = format!("{}-ada", self.id);
                vec![Step::Exists(child.clone()), Step::Raise(child, "Decision", json!(true))]
            }
            Kind::FailOnce => vec![Step::Rewound],
            Kind::Park | Kind::BigPark => vec![raise("Go", json!(self.id))],
            Kind::SuspendedPark => vec![Step::Act("suspend"), raise("Go", json!(self.id)), Step::Act("resume")],
            Kind::TerminatedPark => vec![shown, Step::Act("terminate")],
            Kind::Counter => vec![Step::Ticks],
            _ => vec![],
        };
        [Step::Start].into_iter().chain(between).chain([Step::End]).collect()
    }

    /// How far it is that shows this status: what is shown never becomes less.
    pub fn place(&self, status: &Value) -> u64 {
        let (custom, ended) = (&status["customStatus"], has_ended(status));
        let stage = match self.kind {
            Kind::HelloCities => CITIES.iter().position(|city| custom == city).map_or(0, |place| place as u64 + 1),
            Kind::ReserveTicket if custom["message"].is_string() => 2,
            Kind::Approval if custom.get("by").is_some() => 2,
            Kind::MonitorJob | Kind::StoppedMonitor => {
                custom["generation"].as_u64().map_or(0, |generation| generation + 1)
            }
            Kind::Order | Kind::BadOrder => order_stage(custom),
            // A rewind takes its end back.
            Kind::FailOnce => return u64::from(status["runtimeStatus"] == "Completed"),
            _ => u64::from(!custom.is_null()),
        };
        place(stage, ended)
    }

    /// What is wrong with the end that this status shows.
    pub fn wrong_end(&self, status: &Value) -> Option<String> {
        let (state, output) = match self.kind {
            Kind::HelloCities => ("Completed", json!(CITIES.map(|city| format!("Hello {city}!")))),
            Kind::CityRecommender | Kind::Park | Kind::BigPark | Kind::SuspendedPark => ("Completed", json!(self.id)),
            Kind::ReserveTicket => ("Completed", json!(true)),
            Kind::StatusTest | Kind::BigStatus | Kind::Trivial => ("Completed", Value::Null),
            Kind::Order => ("Completed", json!({ "order": self.id, "outcome": "complete", "reserved": LINES })),
            Kind::BadOrder if status["output"]["outcome"] == "compensated" => ("Completed", status["output"].clone()),
            Kind::BadOrder => ("Completed", json!("compensated")),
            Kind::MonitorJob => ("Completed", json!(self.reading(GENERATIONS - 1))),
            Kind::StoppedMonitor => {
                let generation = status["customStatus"]["generation"].as_u64().unwrap_or(u64::MAX / 8);
                ("Completed", json!(self.reading(generation)))
            }
            Kind::Approval => ("Completed", json!({ "approved": true, "by": "ada", "escalated": false })),
            Kind::FailOnce => ("Completed", json!("bought")),
            Kind::Steps | Kind::FanOut => ("Completed", json!(10)),
            Kind::TerminatedPark => ("Terminated", status["output"].clone()),
            // The sum is looked at by who has raised the ticks.
            Kind::Counter => ("Completed", status["output"].clone()),
            Kind::Tight => ("Completed", json!("done")),
            Kind::Chain => ("Failed", status["output"].clone()),
        };
        let is_right = status["runtimeStatus"] == state && status["output"] == output;
        (!is_right).then(|| format!("{} ended as {} {}", self.id, status["runtimeStatus"], status["output"]))
    }

    fn reading(&self, generation: u64) -> u64 {
        (generation * 7 + self.id.len() as u64) % 100
    }

    /// How many different calls of each service it has made by its end.
    pub fn calls(&self) -> Vec<(&'static str, usize)> {
        match self.kind {
            Kind::Order => vec![("ReserveStock", LINES), ("ChargeCustomer", 1), ("ShipOrder", 1)],
            Kind::BadOrder => vec![("ReserveStock", LINES), ("ReleaseStock", LINES - 1)],
            _ => vec![],
        }
    }
}

fn order_stage(custom: &Value) -> u64 {
    let stages = ["reserving", "charging", "shipping", "complete", "compensating", "compensated"];
    let stage = stages.iter().position(|stage| custom["stage"] == *stage);
    // `done` grows while lines are reserved, and says nothing after that.
    let done = if stage == Some(0) { custom["done"].as_u64().unwrap_or(0) } else { 0 };
    stage.map_or(0, |stage| stage as u64 * 100 + done + 1)
}

/// A place in what a flow shows: its stage, and whether it has ended.
pub fn place(stage: u64, ended: bool) -> u64 {
    stage * 2 + u64::from(ended)
}

/// The data of a tick.
pub fn tick(number: usize) -> u64 {
    4u64.pow(u32::try_from(number).expect("a small number"))
}

/// How often each tick is in this sum.
pub fn ticks_of(sum: u64) -> Vec<u64> {
    (0..MOST_TICKS).map(|number| sum / tick(number) % 4).collect()
}

/// So many flows of drawn kinds; each kind is there where there is room.
pub fn mix(round: &str, count: usize, kinds: &[Kind], draw: &mut Draw) -> Vec<Flow> {
    let first = draw.index(kinds.len());
    (0..count).map(|n| Flow::new(kinds[(first + n) % kinds.len()], round, n)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_says_which_ticks_are_in_it() {
        let found = ticks_of(tick(0) + 2 * tick(3) + tick(25));
        assert_eq!((found[0], found[1], found[3], found[25]), (1, 0, 2, 1));
    }

    #[test]
    fn places_ascend_as_a_flow_goes_on() {
        let flow = Flow::new(Kind::HelloCities, "1", 0);
        let status = |state: &str, custom: Value| json!({ "runtimeStatus": state, "customStatus": custom });
        let shown = [
            ("Pending", json!(null)),
            ("Running", json!("Tokyo")),
            ("Running", json!("London")),
            ("Completed", json!("London")),
        ];
        let places: Vec<u64> = shown.into_iter().map(|(state, custom)| flow.place(&status(state, custom))).collect();
        assert!(places.is_sorted() && places[0] == 0 && places[2] < places[3], "{places:?}");
    }
}
