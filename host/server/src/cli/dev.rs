//! `dacapo dev`: serves, and builds and deploys a project anew whenever it is saved.

use super::build::announce;
use super::exit::{CliError, Exit};
use super::{output, serve, text};
use crate::app::App;
use crate::config::ServeConfig;
use crate::project::{Project, build};
use anyhow::Context as _;
use notify::{RecursiveMode, Watcher as _};
use std::net::SocketAddr;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;
use tokio::sync::mpsc;

/// Files that are saved together are built together.
const SETTLED: Duration = Duration::from_millis(200);

/// Folders in which nothing is written by hand.
const NOT_SOURCE: [&str; 7] = ["build", "target", "node_modules", ".venv", "__pycache__", ".git", ".dacapo"];

/// Serve, and build and deploy a project whenever it is saved. Open instances stay on the version they began with.
///
/// Ends on SIGTERM or Ctrl-C.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The project's folder.
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// The folder that holds everything that must survive; `.dacapo` in the project's when there is none.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The address to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = super::DEFAULT_LISTEN)]
    listen: SocketAddr,
}

pub(crate) async fn run(args: Args) -> Result<Exit, CliError> {
    serve::log_to_stderr(serve::LogFormat::Text)?;
    let mut stop = serve::StopSignals::new().context("cannot listen for signals")?;
    let project = Project::find(&args.folder)?;
    let data = args.data.unwrap_or_else(|| project.folder.join(".dacapo"));
    let compiler = std::env::current_exe().ok();
    let app = App::serve(ServeConfig { data, listen: args.listen, compiler, ..ServeConfig::default() }).await?;
    output::print(&format!("listening on http://{}", app.addr()))?;
    // Before the first build: what is saved while it runs is built after it.
    let (_watcher, mut saved) = watch(&project.folder)?;
    loop {
        let built = tokio::select! {
            built = deploy(&app, &project) => built,
            () = stop.next() => break,
            failure = app.failed() => serve::end_the_process(app, &failure).await,
        };
        if let Err(error) = built {
            eprintln!("{}", text::printable(&format!("not deployed: {error:#}")));
        }
        tokio::select! {
            there = next_save(&mut saved) => if !there { break },
            () = stop.next() => break,
            failure = app.failed() => serve::end_the_process(app, &failure).await,
        }
    }
    app.shutdown().await;
    Ok(Exit::Done)
}

async fn deploy(app: &App, project: &Project) -> anyhow::Result<()> {
    let building = project.clone();
    let file = tokio::task::spawn_blocking(move || build::build(&building, announce)).await??;
    let (version, added) = app.client().deploy(&project.name, std::fs::read(&file)?).await?;
    let what = if added { "deployed" } else { "unchanged:" };
    let functions = [version.orchestrators.join(", "), version.activities.join(", ")].join("; ");
    output::print(&format!("{what} version {} of '{}': {functions}", version.version, project.name))
        .map_err(|_| anyhow::anyhow!("standard output is closed"))
}

/// Waits until something was saved, and for a moment of quiet after it. `false`: nothing watches any more.
async fn next_save(saved: &mut mpsc::UnboundedReceiver<()>) -> bool {
    if saved.recv().await.is_none() {
        return false;
    }
    while let Ok(more) = tokio::time::timeout(SETTLED, saved.recv()).await {
        if more.is_none() {
            return false;
        }
    }
    true
}

/// Tells of every change of a source file below `folder`.
fn watch(folder: &Path) -> anyhow::Result<(impl notify::Watcher + use<>, mpsc::UnboundedReceiver<()>)> {
    let (tell, saved) = mpsc::unbounded_channel();
    let root = folder.to_owned();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let Ok(event) = event else { return };
        let is_change = !matches!(event.kind, notify::EventKind::Access(_));
        if is_change && event.paths.iter().any(|path| is_source(&root, path)) {
            // Fails only while the program ends.
            let _ = tell.send(());
        }
    })?;
    watcher.watch(folder, RecursiveMode::Recursive).with_context(|| format!("cannot watch {}", folder.display()))?;
    Ok((watcher, saved))
}

fn is_source(root: &Path, path: &Path) -> bool {
    let relative = path.strip_prefix(root).unwrap_or(path);
    !relative
        .components()
        .any(|part| matches!(part, Component::Normal(name) if NOT_SOURCE.iter().any(|it| name == *it)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tools_write_is_not_source() {
        let root = Path::new("/p");
        for source in ["/p/src/lib.rs", "/p/package.json", "/p/vendor/guest-sdk/js/index.js"] {
            assert!(is_source(root, Path::new(source)), "{source}");
        }
        for other in
            ["/p/build/p.wasm", "/p/target/x", "/p/node_modules/a/b.js", "/p/src/__pycache__/x.pyc", "/p/.dacapo/d"]
        {
            assert!(!is_source(root, Path::new(other)), "{other}");
        }
    }
}
