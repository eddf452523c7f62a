//! The SQLite store keeps the contract.

use dacapo_store::conformance::Fixture;
use dacapo_store::sqlite::SqliteStore;

fn empty() -> Fixture {
    let folder = tempfile::tempdir().expect("a folder");
    Fixture::durable(move || SqliteStore::open(folder.path()).expect("opens"))
}

dacapo_store::conformance_suite!(empty);
