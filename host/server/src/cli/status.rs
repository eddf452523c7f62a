//! `dacapo status`: shows where an instance stands, now or as it changes.

use super::Session;
use super::changes::{Changes, missing};
use super::exit::{CliError, Exit};
use super::filter::instance_id;
use super::output::{self, Format};
use super::progress::Bar;
use super::view::View;
use dacapo_core::InstanceId;

/// Show an instance; the exit code says where it stands.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The instance.
    #[arg(value_parser = instance_id)]
    id: InstanceId,
    /// Show each change of the custom status until the end. Statuses with `done` and `total`, or with `percent`,
    /// move a progress bar.
    #[arg(long)]
    watch: bool,
}

pub(crate) async fn run(args: Args, session: &Session) -> Result<Exit, CliError> {
    if args.watch {
        return watch(&args.id, session).await;
    }
    let url = session.api.durable(&["instances", args.id.as_str()], &[]);
    let reply = session.api.send(session.api.get(url)).await?.accepted(&missing(&args.id))?;
    let view: View = reply.parse()?;
    session.output.one(&reply.body, || view.details())?;
    Ok(view.exit())
}

async fn watch(id: &InstanceId, session: &Session) -> Result<Exit, CliError> {
    let mut changes = Changes::all(session, id).await?;
    let mut shown = Shown { custom_status: "null".into(), bar: Bar::new() };
    loop {
        let json = changes.next().await?;
        let view = View::parse(&json)?;
        shown.show(&json, &view, session)?;
        if view.runtime_status.is_finished() {
            return Ok(view.exit());
        }
    }
}

/// What the watcher has seen.
struct Shown {
    custom_status: String,
    bar: Bar,
}

impl Shown {
    /// Prints what is new in `view`: for people a line for each change and one for the end; as JSON the whole status.
    fn show(&mut self, json: &str, view: &View, session: &Session) -> Result<(), CliError> {
        let custom_status = view.custom_status();
        let changed = custom_status != self.custom_status;
        let ended = view.runtime_status.is_finished();
        let format = session.output.format();
        if changed && format == Format::Table {
            self.bar.aside(|| output::print(&view.change_line()))?;
        }
        if ended || (changed && format == Format::Jsonl) {
            self.bar.aside(|| session.output.one(json, || view.end_line()))?;
        }
        self.bar.show(&custom_status);
        self.custom_status = custom_status;
        Ok(())
    }
}
