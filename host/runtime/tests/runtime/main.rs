//! The runtime on native guests, with a store, a clock and guests that do what a test wants.

mod arrivals;
mod disk;
mod flows;
mod support;
mod trouble;
mod turns;
