//! Who reads: the engine, or somebody outside. Those outside may come in any number and ask for anything; what a store
//! has for reading is kept apart for the two, so that no turn, timer or recovery waits behind a list.
//!
//! It is said around the read and not with it: most that stand between know nothing of it.

use std::cell::Cell;

thread_local! {
    static IS_OUTSIDE: Cell<bool> = const { Cell::new(false) };
}

/// What `read` reads on this thread is for somebody outside.
pub fn for_outside<T>(read: impl FnOnce() -> T) -> T {
    /// Also after a panic: the thread is used again.
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            IS_OUTSIDE.set(self.0);
        }
    }
    let _before = Before(IS_OUTSIDE.replace(true));
    read()
}

/// Whether somebody outside reads on this thread.
pub fn is_outside() -> bool {
    IS_OUTSIDE.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_for_what_is_within_and_for_no_longer() {
        assert!(!is_outside());
        assert!(for_outside(|| for_outside(is_outside) && is_outside()));
        assert!(std::panic::catch_unwind(|| for_outside(|| panic!("by the test"))).is_err());
        assert!(!is_outside());
    }
}
