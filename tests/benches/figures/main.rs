//! First figures of a served Dacapo, beside what the disk and a bare HTTP route allow in the same run.
//!
//! `cargo bench -p dacapo-tests --bench figures -- [w1 w2 w3 w4 w5 w6 w8 w10 languages]... [--rounds N] [--seconds S] [--dir DIR]`
//!
//! | module | holds |
//! |---|---|
//! | `options` | what was asked for |
//! | `http` | a client that costs next to nothing: it shares the cores with the server |
//! | `load` | many requests over so many connections |
//! | `floor` | what the disk allows |
//! | `bare` | what an HTTP server allows: one route and nothing behind it |
//! | `subject` | the program that is measured, in its own process |
//! | `workloads` | one function for each workload |
//! | `languages` | what a module costs in each language |
//! | `figures` | medians, and the table |

mod bare;
mod figures;
mod floor;
mod http;
mod languages;
mod load;
mod options;
mod subject;
mod workloads;

use anyhow::Result;
use options::Options;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == bare::ARGUMENT) {
        return bare::serve();
    }
    let options = Options::parse(&arguments)?;
    // One thread: what is measured needs the other core more.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(workloads::run(&options))
}
