//! A panic ends a guest with a trap, which carries no text: the reason goes to the log first.

use std::cell::Cell;
use std::sync::Once;

use crate::bindings::dacapo::orchestration::types::LogLevel;
use crate::{activity_host, host};

/// Whose log gets the message.
#[derive(Clone, Copy)]
pub(crate) enum Role {
    Orchestrator,
    Activity,
}

thread_local! {
    static ROLE: Cell<Role> = const { Cell::new(Role::Orchestrator) };
}

/// Has a panic tell the host's log, instead of a standard error that not every target has.
pub(crate) fn install(role: Role) {
    static ONCE: Once = Once::new();
    ROLE.set(role);
    // Natively there is no host to tell, and the panic hook belongs to the test harness.
    if cfg!(not(target_family = "wasm")) {
        return;
    }
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|panic| {
            let message = panic.to_string();
            match ROLE.get() {
                Role::Orchestrator => host::log(LogLevel::Error, &message),
                Role::Activity => activity_host::log(LogLevel::Error, &message),
            }
        }));
    });
}
