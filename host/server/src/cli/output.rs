//! Tables, JSON and JSON lines on standard output.

use super::exit::CliError;
use super::text;
use clap::ValueEnum;
use comfy_table::{Table, presets};
use serde_json::value::RawValue;
use std::io::Write;

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// One JSON document.
    Json,
    /// One JSON document per line.
    Jsonl,
}

/// Prints results in the format that was asked for.
pub(crate) struct Output {
    format: Format,
}

impl Output {
    /// Prints in this format.
    pub(crate) fn new(format: Format) -> Self {
        Self { format }
    }

    /// The format.
    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// Prints one result: `json` as the server sent it, or for people.
    pub(crate) fn one(&self, json: &str, human: impl FnOnce() -> String) -> Result<(), CliError> {
        print(&match self.format {
            Format::Table => human(),
            Format::Json => text::pretty(json),
            Format::Jsonl => text::compact(json),
        })
    }

    /// Prints many results.
    pub(crate) fn many(&self, items: &[Box<RawValue>], human: impl FnOnce() -> String) -> Result<(), CliError> {
        print(&match self.format {
            Format::Table => human(),
            Format::Json => text::pretty(&array(items)),
            Format::Jsonl => items.iter().map(|item| text::compact(item.get())).collect::<Vec<_>>().join("\n"),
        })
    }
}

/// A JSON array of these items.
fn array(items: &[Box<RawValue>]) -> String {
    let items: Vec<_> = items.iter().map(|item| item.get()).collect();
    format!("[{}]", items.join(","))
}

/// Prints `text` and a line end; nothing when there is no text.
pub(crate) fn print(text: &str) -> Result<(), CliError> {
    if text.is_empty() {
        return Ok(());
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", text::printable(text))?;
    Ok(out.flush()?)
}

/// Rows under a header, or a word that there are none.
pub(crate) fn table(header: &[&str], rows: Vec<Vec<String>>) -> String {
    if rows.is_empty() {
        return "none".into();
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header.to_vec());
    for row in rows {
        table.add_row(row.iter().map(|cell| text::one_line(cell)).collect::<Vec<_>>());
    }
    tidy(&table)
}

/// Names and values, one pair a line.
pub(crate) fn pairs(pairs: &[(&str, String)]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    for (name, value) in pairs {
        table.add_row(vec![(*name).to_owned(), text::one_line(value)]);
    }
    tidy(&table)
}

/// Without the space that a table leaves at both sides.
fn tidy(table: &Table) -> String {
    let line = |line: String| line.strip_prefix(' ').unwrap_or(&line).trim_end().to_owned();
    table.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_have_columns_and_no_way_out_of_a_cell() {
        let rows = vec![vec!["a".into(), "Running".into()], vec!["b\n\u{1b}c".into(), "Failed".into()]];
        let wanted = "ID              STATUS\na               Running\nb\\u000a\\u001bc  Failed";
        assert_eq!(table(&["ID", "STATUS"], rows), wanted);
        assert_eq!(table(&["ID"], vec![]), "none");
    }

    #[test]
    fn pairs_are_aligned() {
        let shown = pairs(&[("id", "x".into()), ("status", "Running".into())]);
        assert_eq!(shown, "id      x\nstatus  Running");
    }

    #[test]
    fn an_array_keeps_its_items_as_they_were() {
        let items: Vec<Box<RawValue>> = serde_json::from_str("[1.0, {\"a\":1}]").expect("JSON");
        assert_eq!(array(&items), "[1.0,{\"a\":1}]");
        assert_eq!(array(&[]), "[]");
    }
}
