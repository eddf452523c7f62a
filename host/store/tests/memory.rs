//! The in-memory store keeps the contract.

use dacapo_store::conformance::Fixture;
use dacapo_store::memory::MemoryStore;

fn empty() -> Fixture {
    Fixture::volatile(MemoryStore::new())
}

dacapo_store::conformance_suite!(empty);
