//! The published clients of Durable Functions, unmodified, against a served Dacapo.

use anyhow::{Context as _, Result, ensure};
use dacapo_tests::server::{sample, target};
use dacapo_tests::{Server, Way};
use std::path::{Path, PathBuf};
use tokio::process::Command;

const INSTALL: &str = "`cargo xtask clients` installs the clients (it needs python3 with venv, node and npm; on Debian: \
                       apt-get install -y python3 python3-venv nodejs npm)";

fn script(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(path)
}

/// What `cargo xtask clients` left there.
fn installed(path: &str) -> Result<PathBuf> {
    let path = target().join("clients").join(path);
    ensure!(path.exists(), "{} is missing: {INSTALL}", path.display());
    Ok(path)
}

/// Runs the scenario of `client` against new servers; it checks everything itself.
async fn run(client: fn() -> Result<Command>) -> Result<()> {
    for way in [Way::Warm, Way::Replayed] {
        run_one_way(way, client()?).await.with_context(|| format!("{way:?}"))?;
    }
    Ok(())
}

async fn run_one_way(way: Way, mut command: Command) -> Result<()> {
    let mut server = Server::start(way).await?;
    for module in ["Cities", "Workloads", "FailOnce", "Status"] {
        server.deploy(&sample(module)).await?;
    }
    let output = command.arg(server.url("")).kill_on_drop(true).output().await;
    let output = output.with_context(|| format!("cannot run {command:?}: {INSTALL}"))?;
    server.stop().await;
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{command:?} ended with {}\n{said}\n{errors}", output.status);
    assert!(said.lines().any(|line| line.contains("purges")), "it did not come to its end:\n{said}\n{errors}");
    println!("{said}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_python_client_works_with_only_its_address_changed() -> Result<()> {
    run(|| {
        let mut python = Command::new(installed("python/bin/python")?);
        python.arg("-B").arg(script("python/scenario.py"));
        Ok(python)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_javascript_client_works_with_only_its_address_changed() -> Result<()> {
    run(|| {
        let modules = installed("node/node_modules")?;
        ensure!(modules.join("durable-functions").exists(), "durable-functions is missing: {INSTALL}");
        let mut node = Command::new("node");
        node.arg(script("node/scenario.js")).env("NODE_PATH", modules);
        Ok(node)
    })
    .await
}
