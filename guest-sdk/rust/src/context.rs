//! What an orchestrator may ask of its host.

use std::fmt::Display;
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bindings::dacapo::orchestration::types::LogLevel;
use crate::decode::{Source, decode_input, encode};
use crate::error::{Error, Result};
use crate::flow::Flow;
use crate::host;
use crate::options::{ActivityOptions, BufferedEvents, ChildOptions, whole_ms};
use crate::race::{Either, race};
use crate::task::Task;

/// The world of an orchestrator: it has no other clock, randomness, network or file. Cheap to clone.
///
/// Calls that return a [`Task`] issue their command at once, so their order in the code is their order in the history,
/// on every replay.
#[derive(Clone)]
pub struct Context {
    flow: Rc<Flow>,
}

/// Input and time.
impl Context {
    pub(crate) fn new(flow: Rc<Flow>) -> Self {
        Self { flow }
    }

    /// The input of this execution. None given is read as `null`, which fits `()`, an `Option` and any JSON value.
    ///
    /// ```no_run
    /// # use dacapo::prelude::*;
    /// # async fn flow(ctx: Context) -> Result<()> {
    /// let seats: Option<u32> = ctx.input()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn input<T: DeserializeOwned>(&self) -> Result<T> {
        decode_input(&host::get_input(), &Source::OrchestratorInput(self.flow.name))
    }

    /// The id of this instance.
    ///
    /// ```no_run
    /// # use dacapo::prelude::*;
    /// # async fn flow(ctx: Context) -> Result<()> {
    /// let link = format!("https://shop.example/orders/{}", ctx.instance_id());
    /// # Ok(())
    /// # }
    /// ```
    pub fn instance_id(&self) -> String {
        host::instance_id()
    }

    /// The time of the turn; the same on replay. It only moves when the flow awaits something.
    ///
    /// ```no_run
    /// # use dacapo::prelude::*;
    /// # async fn flow(ctx: Context) -> Result<()> {
    /// let asked_at = ctx.now();
    /// ctx.wait_for_event::<()>("Answer").await?;
    /// ctx.info(format_args!("answered after {:?}", ctx.now().duration_since(asked_at)?));
    /// # Ok(())
    /// # }
    /// ```
    pub fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.now_ms())
    }

    /// [`now`](Self::now), in milliseconds since 1970 (UTC).
    ///
    /// ```no_run
    /// # use dacapo::prelude::*;
    /// # async fn flow(ctx: Context) -> Result<()> {
    /// ctx.set_custom_status(json!({ "startedAtMs": ctx.now_ms() }))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn now_ms(&self) -> u64 {
        host::current_time_ms()
    }

    /// A new id each time, and the same ones on replay.
    ///
    /// ```no_run
    /// # use dacapo::prelude::*;
    /// # async fn flow(ctx: Context) -> Result<()> {
    /// ctx.call_activity::<()>("OpenBooking", ctx.new_uuid()).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn new_uuid(&self) -> String {
        host::new_uuid()
    }

    /// Whether this turn has already been played once. For logs and metrics; a flow that decides by it cannot be replayed.
    ///
    /// ```no_run
    /// # use dacapo::prelude::*;
    /// # async fn flow(ctx: Context) -> Result<()> {
    /// if !ctx.is_replaying() {
    ///     eprintln!("for the first time");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn is_replaying(&self) -> bool {
        host::is_replaying()
    }
}

/// Things to wait for.
impl Context {
    /// Runs an activity, at least once; its result is recorded once.
    ///
    /// ```no_run
    /// # use dacapo::prelude::*;
    /// # async fn flow(ctx: Context) -> Result<()> {
    /// let hello = ctx.call_activity::<String>("SayHello", "Tokyo").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn call_activity<T>(&self, name: &str, input: impl Serialize) -> Task<T> {
        self.activity(name, &input, None)
    }

    /// [`call_activity`](Self::call_activity) with a limit of time, or retries.
    ///
    /// ```no_run
    /// # use dacapo::prelude::*;
    /// # use std::time::Duration;
    /// # async fn flow(ctx: Context) -> Result<()> {
    /// let careful = ActivityOptions::new().timeout(Duration::from_secs(30)).retry(Retry::attempts(3));
    /// let receipt = ctx.call_activity_with::<String>("Charge", 120, careful).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn call_activity_with<T>(&self, name: &str, input: impl Serialize, options: ActivityOptions) -> Task<T> {
        self.activity(name, &input, Some(options))
    }

    fn activity<T>(&self, name: &str, input: &impl Serialize, options: Option<ActivityOptions>) -> Task<T> {
        let options = options.map(ActivityOptions::into_wit);
        let started = encode(input, Source::ActivityInput(name.into()))
            .map(|input| self.flow.command(|| host::call_activity(name, &input, options.as_ref())));
        self.task(Source::Activity(name.into()), started)
    }

    /// Waits for an event from outside. Events are buffered by name, ignoring case, until they are waited for;
    /// the first to wait gets the first to arrive.
    ///
    /// ```no_run
    /// # use dacapo::prelude::*;
    /// # async fn flow(ctx: Context) -> Result<()> {
    /// let approved: bool = ctx.wait_for_event("Approval").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn wait_for_event<T>(&self, name: &str) -> Task<T> {
        let started = self.flow.command(|| host::wait_for_event(name));
        self.task(Source::Event(name.into()), Ok(started))
    }

    /// Done once `delay` has passed since the time of this turn. It costs nothing while it waits, be it seconds or months.
    ///
    /// ```no_run
    /// # use dacapo::prelude::*;
    /// # use std::time::Duration;
    /// # async fn flow(ctx: Context) -> Result<()> {
    /// ctx.start_timer(Duration::from_secs(24 * 3600)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn start_timer(&self, delay: Duration) -> Task<()> {
        let started = self.flow.command(|| host::start_timer(whole_ms(delay)));
        self.task(Source::Timer, Ok(started))
    }

    /// What `future` returns, or `None` if that takes longer than `limit`; the future is dropped then.
    ///
    /// ```no_run
    /// # use dacapo::prelude::*;
    /// # use std::time::Duration;
    /// # async fn flow(ctx: Context) -> Result<()> {
    /// let answer = ctx.with_timeout(Duration::from_secs(60), ctx.wait_for_event::<bool>("Answer")).await?;
    /// let yes = answer.unwrap_or(false);
    /// # Ok(())
    /// # }
    /// ```
    // Not an `async fn`: the clock starts at the call, as with every other verb.
    pub fn with_timeout<F, T, E>(
        &self,
        limit: Duration,
        future: F,
    ) -> impl Future<Output = Result<Option<T>>> + use<F, T, E>
    where
        F: Future<Output = Result<T, E>>,
        E: Into<Error>,
    {
        let timer = self.start_timer(limit);
        async move {
            match race(future, timer).await {
                Either::Left(output) => output.map(Some).map_err(Into::into),
                Either::Right(timer) => timer.map(|()| None),
            }
        }
    }

    /// Starts another orchestrator and waits for its output.
    ///
    /// ```no_run
    /// # use dacapo::prelude::*;
    /// # async fn flow(ctx: Context) -> Result<()> {
    /// let invoice = ctx.call_orchestrator::<String>("Invoicing", json!({ "order": 7 })).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn call_orchestrator<T>(&self, name: &str, input: impl Serialize) -> Task<T> {
        self.child(name, &input, None)
    }

    /// [`call_orchestrator`](Self::call_orchestrator) with an id of its own, retries, or without waiting for the end.
    ///
    /// ```no_run
    /// # use dacapo::prelude::*;
    /// # async fn flow(ctx: Context) -> Result<()> {
    /// let id: String = ctx.call_orchestrator_with("Newsletter", (), ChildOptions::new().detached()).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn call_orchestrator_with<T>(&self, name: &str, input: impl Serialize, options: ChildOptions) -> Task<T> {
        self.child(name, &input, Some(options))
    }

    fn child<T>(&self, name: &str, input: &impl Serialize, options: Option<ChildOptions>) -> Task<T> {
        let options = options.map(ChildOptions::into_wit);
        let started = encode(input, format_args!("the input of orchestrator {name}"))
            .map(|input| self.flow.command(|| host::call_orchestrator(name, &input, options.as_ref())));
        self.task(Source::Child(name.into()), started)
    }

    fn task<T>(&self, source: Source, started: Result<host::Task>) -> Task<T> {
        Task::new(self.flow.clone(), source, started)
    }
}

/// Things to tell.
impl Context {
    /// Publishes progress. It is visible when this turn commits, at the next wait or at the end; the last one wins.
    /// It fails when the value is larger than the host allows.
    ///
    /// ```no_run
    /// # use dacapo::prelude::*;
    /// # async fn flow(ctx: Context) -> Result<()> {
    /// ctx.set_custom_status(json!({ "done": 3, "total": 10 }))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_custom_status(&self, status: impl Serialize) -> Result<()> {
        let status = encode(&status, "the custom status")?;
        host::set_custom_status(&status).map_err(Error::from_failure)
    }

    /// Sends an event to another instance, exactly once.
    ///
    /// ```no_run
    /// # use dacapo::prelude::*;
    /// # async fn flow(ctx: Context) -> Result<()> {
    /// ctx.raise_event("order-7", "Paid", true)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn raise_event(&self, instance_id: &str, name: &str, data: impl Serialize) -> Result<()> {
        let data = encode(&data, format_args!("the data of event {name}"))?;
        self.flow.command(|| host::raise_event(instance_id, name, &data));
        Ok(())
    }

    /// Begins the next execution with this input, as soon as the orchestrator returns; what it returns is not used.
    ///
    /// ```no_run
    /// # use dacapo::prelude::*;
    /// # use std::time::Duration;
    /// # async fn flow(ctx: Context, round: u64) -> Result<()> {
    /// ctx.start_timer(Duration::from_secs(60)).await?;
    /// ctx.continue_as_new(round + 1, BufferedEvents::Keep)
    /// # }
    /// ```
    pub fn continue_as_new(&self, input: impl Serialize, events: BufferedEvents) -> Result<()> {
        let input = encode(&input, format_args!("the next input of orchestrator {}", self.flow.name))?;
        self.flow.command(|| host::continue_as_new(&input, events == BufferedEvents::Keep));
        Ok(())
    }

    /// A line in the host's log, named after the instance; silent while replaying. For developers.
    ///
    /// ```no_run
    /// # use dacapo::prelude::*;
    /// # async fn flow(ctx: Context) -> Result<()> {
    /// ctx.debug(format_args!("turn at {}", ctx.now_ms()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn debug(&self, message: impl Display) {
        host::log(LogLevel::Debug, &message.to_string());
    }

    /// A line in the host's log, named after the instance; silent while replaying.
    ///
    /// ```no_run
    /// # use dacapo::prelude::*;
    /// # async fn flow(ctx: Context) -> Result<()> {
    /// ctx.info("waiting for the courier");
    /// # Ok(())
    /// # }
    /// ```
    pub fn info(&self, message: impl Display) {
        host::log(LogLevel::Info, &message.to_string());
    }

    /// A line in the host's log about something odd.
    ///
    /// ```no_run
    /// # use dacapo::prelude::*;
    /// # async fn flow(ctx: Context) -> Result<()> {
    /// ctx.warn(format_args!("only {} seats left", 3));
    /// # Ok(())
    /// # }
    /// ```
    pub fn warn(&self, message: impl Display) {
        host::log(LogLevel::Warn, &message.to_string());
    }

    /// A line in the host's log about something that went wrong.
    ///
    /// ```no_run
    /// # use dacapo::prelude::*;
    /// # async fn flow(ctx: Context) -> Result<()> {
    /// ctx.error("the courier never came");
    /// # Ok(())
    /// # }
    /// ```
    pub fn error(&self, message: impl Display) {
        host::log(LogLevel::Error, &message.to_string());
    }
}
