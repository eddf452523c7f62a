//! The runtime on native guests, with a store, a clock and guests that do what a test wants.

mod arrivals;
mod disk;
mod flows;
mod native;
mod trouble;
mod turns;
mod unruly_store;
mod world;
