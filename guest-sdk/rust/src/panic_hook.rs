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

/// Adds the host's log to what a panic does anyway, which is to write to standard error.
pub(crate) fn install(role: Role) {
    static ONCE: Once = Once::new();
    ROLE.set(role);
    // Natively there is no host to tell, and the panic hook belongs to the test harness.
    if cfg!(not(target_family = "wasm")) {
        return;
    }
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            before(panic);
            let message = panic.to_string();
            match ROLE.get() {
                Role::Orchestrator => host::log(LogLevel::Error, &message),
                Role::Activity => activity_host::log(LogLevel::Error, &message),
            }
        }));
    });
}
