//! Built against a version of the contract that no host serves.

wit_bindgen::generate!({ path: "wit", world: "orchestrator" });

use dacapo::orchestration::context;
use exports::dacapo::orchestration::orchestrators::{Failure, Guest};

struct OtherVersion;

impl Guest for OtherVersion {
    fn names() -> Vec<String> {
        vec!["FromTheFuture".to_owned()]
    }

    fn run(_name: String) -> Result<String, Failure> {
        Ok(context::get_input())
    }
}

export!(OtherVersion);
