//! What an activity may ask of its host.

use std::fmt::Display;

use serde::Serialize;

use crate::activity_host as host;
use crate::bindings::dacapo::orchestration::types::LogLevel;
use crate::decode::encode;
use crate::error::Result;

/// What an activity may know about the call. Take it as the first argument where it is needed:
///
/// ```no_run
/// use dacapo::prelude::*;
///
/// #[activity]
/// fn charge(ctx: ActivityContext, cents: u32) -> Result<String> {
///     // The same key on every attempt: the bank charges once, however often we ask.
///     let key = ctx.idempotency_key();
///     ctx.info(format_args!("attempt {} of {key}", ctx.attempt()));
///     Ok(format!("charged {cents}"))
/// }
/// # fn main() {}
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ActivityContext(());

impl ActivityContext {
    pub(crate) fn new() -> Self {
        Self(())
    }

    /// The instance that called.
    ///
    /// ```no_run
    /// # use dacapo::prelude::*;
    /// # fn work(ctx: ActivityContext) {
    /// let owner = ctx.instance_id();
    /// # }
    /// ```
    pub fn instance_id(&self) -> String {
        host::instance_id()
    }

    /// The same for every attempt and every re-run of this call; different for any other call.
    ///
    /// ```no_run
    /// # use dacapo::prelude::*;
    /// # fn work(ctx: ActivityContext) {
    /// let key = ctx.idempotency_key();
    /// # }
    /// ```
    pub fn idempotency_key(&self) -> String {
        host::idempotency_key()
    }

    /// 1 for the first attempt.
    ///
    /// ```no_run
    /// # use dacapo::prelude::*;
    /// # fn work(ctx: ActivityContext) {
    /// let last_chance = ctx.attempt() == 3;
    /// # }
    /// ```
    pub fn attempt(&self) -> u32 {
        host::attempt()
    }

    /// Shown in the instance's status while the activity runs; not durable.
    ///
    /// ```no_run
    /// # use dacapo::prelude::*;
    /// # fn work(ctx: ActivityContext) -> Result<()> {
    /// ctx.report_progress(json!({ "percent": 40 }))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn report_progress(&self, progress: impl Serialize) -> Result<()> {
        host::report_progress(&encode(&progress, "the progress")?);
        Ok(())
    }

    /// A line in the host's log. For developers.
    ///
    /// ```no_run
    /// # use dacapo::prelude::*;
    /// # fn work(ctx: ActivityContext) {
    /// ctx.debug("connected");
    /// # }
    /// ```
    pub fn debug(&self, message: impl Display) {
        host::log(LogLevel::Debug, &message.to_string());
    }

    /// A line in the host's log.
    ///
    /// ```no_run
    /// # use dacapo::prelude::*;
    /// # fn work(ctx: ActivityContext) {
    /// ctx.info("sent");
    /// # }
    /// ```
    pub fn info(&self, message: impl Display) {
        host::log(LogLevel::Info, &message.to_string());
    }

    /// A line in the host's log about something odd.
    ///
    /// ```no_run
    /// # use dacapo::prelude::*;
    /// # fn work(ctx: ActivityContext) {
    /// ctx.warn("slow answer");
    /// # }
    /// ```
    pub fn warn(&self, message: impl Display) {
        host::log(LogLevel::Warn, &message.to_string());
    }

    /// A line in the host's log about something that went wrong.
    ///
    /// ```no_run
    /// # use dacapo::prelude::*;
    /// # fn work(ctx: ActivityContext) {
    /// ctx.error("no answer");
    /// # }
    /// ```
    pub fn error(&self, message: impl Display) {
        host::log(LogLevel::Error, &message.to_string());
    }
}
