//! Sums up the results of tests: cargo's `test result:` lines, those of the Test Anything Protocol, and Go's.

use anyhow::{Context, Result};
use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

/// How many tests passed, failed and were skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Tally {
    /// Runs `command`, passes on what it prints, and adds up its results. Returns whether the command succeeded.
    pub(crate) fn run(&mut self, command: &mut Command, out: &mut impl Write) -> Result<bool> {
        let text = crate::process::text(command);
        let mut child = command.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot run `{text}`"))?;
        let output = child.stdout.take().context("the output was piped")?;
        for line in BufReader::new(output).split(b'\n') {
            let line = line?;
            self.add(&String::from_utf8_lossy(&line));
            out.write_all(&line)?;
            out.write_all(b"\n")?;
        }
        Ok(child.wait()?.success())
    }

    /// Adds a line, if it is one with results.
    fn add(&mut self, line: &str) {
        // Node.js writes one such line for each kind.
        for (kind, counter) in
            [("# pass ", &mut self.passed), ("# fail ", &mut self.failed), ("# skipped ", &mut self.skipped)]
        {
            if let Some(count) = line.strip_prefix(kind).and_then(|count| count.trim().parse::<u64>().ok()) {
                *counter += count;
            }
        }
        // Go writes one for each test; those of parts of a test are indented.
        for (kind, counter) in
            [("--- PASS: ", &mut self.passed), ("--- FAIL: ", &mut self.failed), ("--- SKIP: ", &mut self.skipped)]
        {
            *counter += u64::from(line.starts_with(kind));
        }
        let Some((_, counts)) = line.split_once("test result:") else { return };
        for part in counts.split([';', '.']) {
            let Some((count, what)) = part.trim().split_once(' ') else { continue };
            let Ok(count) = count.parse::<u64>() else { continue };
            match what {
                "passed" => self.passed += count,
                "failed" => self.failed += count,
                "ignored" => self.skipped += count,
                _ => {}
            }
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 {
            write!(f, ", {} skipped", self.skipped)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds_up_the_results_of_all_crates() {
        let mut tally = Tally::default();
        tally.add("running 3 tests");
        tally.add("test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s");
        tally.add("test result: FAILED. 10 passed; 2 failed; 0 ignored; 0 measured; 4 filtered out; finished in 1.50s");
        for line in ["# tests 4", "# pass 3", "# fail 1", "# skipped 0"] {
            tally.add(line);
        }
        for line in
            ["=== RUN   TestA/b", "    --- PASS: TestA/b (0.00s)", "--- PASS: TestA (0.00s)", "--- SKIP: TestC (0.00s)"]
        {
            tally.add(line);
        }
        assert_eq!(tally, Tally { passed: 17, failed: 3, skipped: 2 });
        assert_eq!(tally.to_string(), "17 passed, 3 failed, 2 skipped");
    }

    #[test]
    fn without_skipped_ones_the_line_is_short() {
        assert_eq!(Tally { passed: 1, failed: 0, skipped: 0 }.to_string(), "1 passed, 0 failed");
    }

    #[test]
    fn a_run_reports_whether_the_command_succeeded() {
        let (mut tally, mut shown) = (Tally::default(), vec![]);
        let script = "echo 'test result: FAILED. 1 passed; 1 failed; 0 ignored'; exit 101";
        assert!(!tally.run(Command::new("sh").args(["-c", script]), &mut shown).expect("runs"));
        assert_eq!(shown, b"test result: FAILED. 1 passed; 1 failed; 0 ignored\n");
        assert_eq!(tally, Tally { passed: 1, failed: 1, skipped: 0 });
    }
}
