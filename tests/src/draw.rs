//! Numbers that a seed determines.

use anyhow::Result;
use std::hash::{BuildHasher as _, RandomState};

/// A source of numbers (splitmix64): the same seed, the same numbers.
#[derive(Clone, Debug)]
pub struct Draw(u64);

impl Draw {
    /// The numbers of this seed.
    pub fn of(seed: u64) -> Self {
        Self(seed)
    }

    /// Those of the seed in the environment variable `name`, or of a new one; prints which.
    pub fn seeded(name: &str) -> Result<Self> {
        let seed = match std::env::var(name) {
            Ok(text) => text.parse()?,
            Err(_) => new_seed(),
        };
        println!("{name}={seed}");
        Ok(Self(seed))
    }

    /// The next number, below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound.max(1)
    }

    /// As [`Draw::below`], as an index.
    pub fn index(&mut self, bound: usize) -> usize {
        usize::try_from(self.below(bound as u64)).expect("below a usize")
    }

    /// True so many times of a hundred.
    pub fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    /// Another source, so that what one part draws does not move what another does.
    pub fn fork(&mut self) -> Self {
        Self(self.below(u64::MAX))
    }
}

/// A seed that nobody has chosen.
pub fn new_seed() -> u64 {
    RandomState::new().hash_one(0)
}
