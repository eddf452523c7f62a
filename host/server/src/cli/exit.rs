//! Exit codes, and errors that say what to do.

use super::text;
use dacapo_core::RuntimeStatus;
use std::process::ExitCode;

/// The end of `--help`.
pub(crate) const HELP: &str = "\
Exit codes:
  0  done; where an instance is shown: it is Completed, or not finished yet
  1  error
  2  wrong use of the command line
  3  the instance is Failed
  4  the instance is Terminated or Canceled
  5  not found
  6  conflict: the state of what is there forbids it
  7  the server cannot be reached
  8  (serve) the disk failed: what was being written may have happened or not; start again once the disk is well";

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    Done = 0,
    Error = 1,
    Usage = 2,
    Failed = 3,
    Terminated = 4,
    NotFound = 5,
    Conflict = 6,
    Unreachable = 7,
    DiskFailed = 8,
}

impl Exit {
    /// The outcome that an instance's state stands for.
    pub(crate) fn of(status: RuntimeStatus) -> Self {
        match status {
            RuntimeStatus::Failed => Self::Failed,
            RuntimeStatus::Terminated | RuntimeStatus::Canceled => Self::Terminated,
            RuntimeStatus::Completed
            | RuntimeStatus::Pending
            | RuntimeStatus::Running
            | RuntimeStatus::Suspended
            | RuntimeStatus::ContinuedAsNew => Self::Done,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command did not do what it was asked to.
#[derive(Debug)]
pub(crate) struct CliError {
    exit: Exit,
    message: String,
}

impl CliError {
    /// An error with an exit code of its own.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }

    /// An error without one.
    pub(crate) fn error(message: impl Into<String>) -> Self {
        Self::new(Exit::Error, message)
    }

    /// The same error with a word before it that says what it is about.
    pub(crate) fn of(self, what: &str) -> Self {
        Self { message: format!("{what}: {}", self.message), ..self }
    }

    /// Its exit code.
    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    /// Says it on standard error; parts of it may come from a server.
    pub(crate) fn print(&self) {
        if !self.message.is_empty() {
            eprintln!("error: {}", text::printable(&self.message));
        }
    }
}

impl From<anyhow::Error> for CliError {
    fn from(error: anyhow::Error) -> Self {
        Self::error(format!("{error:#}"))
    }
}

impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            // Who reads our output has seen enough: `dacapo list | head`.
            std::io::ErrorKind::BrokenPipe => Self::new(Exit::Done, ""),
            _ => Self::error(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_says_how_the_instance_ended() {
        let codes = RuntimeStatus::ALL.map(|status| Exit::of(status) as u8);
        assert_eq!(codes, [0, 0, 0, 0, 0, 3, 4, 4]);
    }

    #[test]
    fn the_help_names_every_code() {
        let numbers: Vec<_> = HELP.lines().skip(1).filter_map(|line| line.trim().split(' ').next()).collect();
        assert_eq!(numbers, ["0", "1", "2", "3", "4", "5", "6", "7", "8"]);
    }

    #[test]
    fn a_reader_that_left_is_no_error() {
        let error = CliError::from(std::io::Error::from(std::io::ErrorKind::BrokenPipe));
        assert_eq!(error.exit(), Exit::Done);
        assert!(error.message.is_empty());
    }
}
