//! Runs other programs.

use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::process::{Command, Output};

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).map(PathBuf::from).unwrap_or(here)
}

/// Runs `command` with its output shown as it comes.
pub(crate) fn show(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot run `{}`", text(command)))?;
    if !status.success() {
        bail!("`{}` ended with {status}", text(command));
    }
    Ok(())
}

/// Runs `command` and returns its standard output; shows what it printed only when it fails.
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot run `{}`", text(command)))?;
    if !output.status.success() {
        bail!("`{}` ended with {}\n{}", text(command), output.status, both(&output));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether `command` can be run and succeeds.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

/// A command as one would type it.
pub(crate) fn text(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

fn both(output: &Output) -> String {
    let streams = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).trim_end().to_owned());
    streams.join("\n").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_holds_the_workspace() {
        assert!(root().join("wit/dacapo.wit").is_file());
    }

    #[test]
    fn a_failure_shows_what_was_printed() {
        let error = capture(Command::new("sh").args(["-c", "echo one; echo two >&2; exit 3"])).expect_err("fails");
        let message = error.to_string();
        assert!(message.contains("one\ntwo") && message.contains("exit status: 3"), "{message}");
    }

    #[test]
    fn a_missing_program_is_an_error_with_its_name() {
        let error = capture(&mut Command::new("no-such-program")).expect_err("fails");
        assert!(format!("{error:#}").contains("no-such-program"));
    }
}
