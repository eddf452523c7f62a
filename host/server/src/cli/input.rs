//! JSON given as an argument, a file (`@file`) or standard input (`-`).

use super::exit::{CliError, Exit};
use super::text;
use crate::text_file::unmarked;
use serde_json::value::RawValue;
use std::io::Read;

/// How much of a wrong line is shown, in bytes on each side.
const CONTEXT_BYTES: usize = 40;

/// Reads what `argument` means; `what` names the argument in errors.
pub(crate) fn json(what: &str, argument: &str) -> Result<String, CliError> {
    let json = match argument.strip_prefix('@') {
        Some(file) => std::fs::read_to_string(file)
            .map_err(|error| CliError::error(format!("cannot read the file '{file}' of {what}: {error}")))?,
        None if argument == "-" => standard_input(what)?,
        None => argument.to_owned(),
    };
    let json = unmarked(&json);
    match serde_json::from_str::<&RawValue>(json) {
        Ok(_) => Ok(json.to_owned()),
        Err(error) => Err(CliError::new(Exit::Usage, not_json(what, json, &error))),
    }
}

fn standard_input(what: &str) -> Result<String, CliError> {
    let mut json = String::new();
    let read = std::io::stdin().lock().read_to_string(&mut json);
    read.map_err(|error| CliError::error(format!("cannot read {what} from standard input: {error}")))?;
    Ok(json)
}

fn not_json(what: &str, json: &str, error: &serde_json::Error) -> String {
    let mut message = format!("{what} is not JSON: {error}");
    let line = json.lines().nth(error.line().saturating_sub(1)).unwrap_or_default();
    if !line.is_empty() {
        let at = line.floor_char_boundary(error.column().saturating_sub(1));
        let before = text::one_line(&line[line.floor_char_boundary(at.saturating_sub(CONTEXT_BYTES))..at]);
        let after = text::one_line(&line[at..line.floor_char_boundary(at.saturating_add(CONTEXT_BYTES))]);
        message += &format!("\n  {before}{after}\n  {}^", " ".repeat(before.chars().count()));
    }
    message
        + "\na text needs its own double quotes, inside those of the shell: '\"Tokyo\"'; @FILE reads a file, - standard input"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(argument: &str) -> String {
        let error = json("--input", argument).expect_err("is wrong");
        format!("{error:?}").replace("\\n", "\n").replace("\\\"", "\"")
    }

    #[test]
    fn json_is_passed_on_as_it_is() {
        for text in ["1.0", "\"a\"", " [1, 2] ", "null", "123456789012345678901234567890"] {
            assert_eq!(json("--input", text).expect("JSON"), text);
        }
    }

    #[test]
    fn what_is_no_json_is_shown_with_its_position() {
        let message = error("Tokyo");
        assert!(message.contains("--input is not JSON") && message.contains("line 1 column 1"), "{message}");
        assert!(message.contains("\n  Tokyo\n  ^\n") && message.contains("Usage"), "{message}");
        let message = error("{\"a\": 1,\n \"b\": x}");
        assert!(message.contains("line 2 column 7") && message.contains("\n   \"b\": x}\n        ^\n"), "{message}");
    }

    #[test]
    fn long_empty_and_broken_lines_are_shown_too() {
        assert!(error("").contains("column 0"));
        assert!(error("{\"a\":").contains("EOF"));
        let message = error(&format!("[{}x]", "1,".repeat(1_000)));
        assert!(message.len() < 500, "{message}");
        assert!(error("\"é\u{1b}é\"").contains("é\\\\u001bé"));
    }

    #[test]
    fn a_file_is_read() {
        let file = std::env::temp_dir().join(format!("dacapo-input-{}.json", std::process::id()));
        std::fs::write(&file, "[1]").expect("written");
        assert_eq!(json("--input", &format!("@{}", file.display())).expect("JSON"), "[1]");
        std::fs::write(&file, "\u{feff}[1]").expect("written");
        assert_eq!(json("--input", &format!("@{}", file.display())).expect("JSON"), "[1]");
        std::fs::remove_file(&file).expect("removed");
        assert!(error(&format!("@{}", file.display())).contains("cannot read the file"));
    }
}
