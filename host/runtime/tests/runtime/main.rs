//! The runtime on native guests, with a store, a clock and guests that do what a test wants.

mod disk;
mod support;
mod trouble;
mod turns;
