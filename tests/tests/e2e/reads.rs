//! Reading a status writes nothing, wherever the status comes from.

use anyhow::{Result, ensure};
use dacapo_store::sqlite::FILE_NAME;
use dacapo_tests::api::Api;
use dacapo_tests::program::Program;
use dacapo_tests::server::{has_ended, sample};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use reqwest::{Method, StatusCode};
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};
use std::hash::{DefaultHasher, Hasher as _};
use std::ops::ControlFlow;
use std::path::Path;

/// Of each kind: some that wait, some that have ended.
const INSTANCES: usize = 100;
const IN_FLIGHT: usize = 32;

/// The database as an onlooker sees it.
struct Onlooker {
    connection: Connection,
    files: [std::path::PathBuf; 2],
}

/// The onlooker's count of the commits of others, and length and hash of the database and its log.
type Seen = (i64, [(usize, u64); 2]);

impl Onlooker {
    fn of(data: &Path) -> Result<Self> {
        let files = [data.join(FILE_NAME), data.join(format!("{FILE_NAME}-wal"))];
        let connection = Connection::open_with_flags(&files[0], OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        Ok(Self { connection, files })
    }

    fn look(&self) -> Result<Seen> {
        let commits = self.connection.query_row("PRAGMA data_version", [], |row| row.get(0))?;
        let mut contents = [(0, 0); 2];
        for (file, content) in self.files.iter().zip(&mut contents) {
            let bytes = std::fs::read(file)?;
            let mut hasher = DefaultHasher::new();
            hasher.write(&bytes);
            *content = (bytes.len(), hasher.finish());
        }
        Ok((commits, contents))
    }
}

/// Has instances that wait and instances that have ended, and nothing that goes on.
async fn fill(api: &Api) -> Result<()> {
    api.deploy(&sample("Workloads")).await?;
    for n in 0..INSTANCES {
        start(api, "Park", &format!("p{n}")).await?;
        start(api, "Trivial", &format!("t{n}")).await?;
    }
    Ok(())
}

/// Returns once there is nothing more to do for it.
async fn start(api: &Api, name: &str, id: &str) -> Result<()> {
    api.start(name, id, &Value::Null).await?;
    let at_rest = |status: Value| match has_ended(&status) || status["customStatus"] == json!("waiting") {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    };
    api.watch(id, at_rest).await
}

/// Reads so many statuses and lists, all kinds mixed.
async fn read(api: &Api, count: usize) -> Result<()> {
    let reads = stream::iter(0..count).map(async |at| {
        let n = at / 8 % INSTANCES;
        let (path, wanted) = match at % 8 {
            0..3 => (format!("/instances/p{n}"), StatusCode::ACCEPTED),
            3 | 4 => (format!("/instances/t{n}"), StatusCode::OK),
            5 => (format!("/instances/t{n}?showInput=false"), StatusCode::OK),
            6 => (format!("/instances/unknown-{n}"), StatusCode::NOT_FOUND),
            _ => ("/instances?top=5&runtimeStatus=Running".to_owned(), StatusCode::OK),
        };
        let (code, body) = api.call(Method::GET, &path, None).await?;
        ensure!(code == wanted, "{path}: {code} {body}");
        Ok(())
    });
    reads.buffer_unordered(IN_FLIGHT).try_collect().await
}

#[tokio::test]
async fn ten_thousand_reads_change_nothing() -> Result<()> {
    let data = tempfile::tempdir()?;
    let program = Program::serve(data.path(), &[])?;
    let api = Api::of(&program.url);
    fill(&api).await?;
    let onlooker = Onlooker::of(data.path())?;
    let before = onlooker.look()?;
    read(&api, 5_000).await?;
    assert_eq!(onlooker.look()?, before, "statuses that were in memory");
    // That it would have noticed:
    start(&api, "Trivial", "another").await?;
    assert_ne!(onlooker.look()?, before);
    drop(onlooker);
    program.kill()?;

    let program = Program::serve(data.path(), &[])?;
    let api = Api::of(&program.url);
    let onlooker = Onlooker::of(data.path())?;
    let before = onlooker.look()?;
    read(&api, 5_000).await?;
    assert_eq!(onlooker.look()?, before, "statuses that only the store has");
    Ok(())
}
