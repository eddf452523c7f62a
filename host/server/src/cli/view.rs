//! The status of an instance as the server tells it.

use super::api;
use super::exit::{CliError, Exit};
use super::output;
use super::text;
use dacapo_core::RuntimeStatus;
use serde::Deserialize;
use serde_json::value::RawValue;

/// The status of an instance; JSON values stay as they were sent.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct View {
    pub(crate) instance_id: String,
    pub(crate) name: String,
    pub(crate) runtime_status: RuntimeStatus,
    #[serde(default)]
    input: Option<Box<RawValue>>,
    #[serde(default)]
    custom_status: Option<Box<RawValue>>,
    #[serde(default)]
    output: Option<Box<RawValue>>,
    #[serde(default)]
    pub(crate) created_time: String,
    #[serde(default)]
    pub(crate) last_updated_time: String,
    #[serde(default)]
    parent_instance_id: Option<String>,
    #[serde(default)]
    activities: Vec<Activity>,
}

/// How far a running activity is.
#[derive(Clone, Debug, Deserialize)]
struct Activity {
    name: String,
    attempt: u32,
    progress: Box<RawValue>,
}

impl View {
    /// Reads the body of a status reply.
    pub(crate) fn parse(json: &str) -> Result<Self, CliError> {
        api::parse(json)
    }

    /// The custom status on one line; `null` where there is none.
    pub(crate) fn custom_status(&self) -> String {
        compact(self.custom_status.as_deref())
    }

    /// The outcome as an exit code.
    pub(crate) fn exit(&self) -> Exit {
        Exit::of(self.runtime_status)
    }

    /// A line for a change of the custom status.
    pub(crate) fn change_line(&self) -> String {
        format!("{}  {}", text::one_line(&self.last_updated_time), self.custom_status())
    }

    /// The line for the end: state and output.
    pub(crate) fn end_line(&self) -> String {
        let output = compact(self.output.as_deref());
        format!("{}  {}  {output}", text::one_line(&self.last_updated_time), self.runtime_status)
    }

    /// Everything, for people.
    pub(crate) fn details(&self) -> String {
        let mut pairs = vec![
            ("id", self.instance_id.clone()),
            ("orchestrator", self.name.clone()),
            ("state", self.runtime_status.to_string()),
            ("custom status", self.custom_status()),
            ("input", compact(self.input.as_deref())),
            ("output", compact(self.output.as_deref())),
            ("created", self.created_time.clone()),
            ("updated", self.last_updated_time.clone()),
        ];
        if let Some(parent) = &self.parent_instance_id {
            pairs.push(("parent", parent.clone()));
        }
        for Activity { name, attempt, progress } in &self.activities {
            pairs.push(("running", format!("{name}, attempt {attempt}: {}", text::compact(progress.get()))));
        }
        output::pairs(&pairs)
    }
}

fn compact(value: Option<&RawValue>) -> String {
    value.map_or_else(|| "null".to_owned(), |value| text::compact(value.get()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = r#"{"name":"F","instanceId":"a\u001b","runtimeStatus":"Failed","input":1.0,
        "customStatus":{ "done" : 1 },"output":"x\ny","createdTime":"C","lastUpdatedTime":"U","parentInstanceId":"p",
        "activities":[{"name":"A","attempt":2,"progress":{ "n": 1 }}]}"#;

    #[test]
    fn a_status_is_shown_with_its_values_as_they_were_sent() {
        let view = View::parse(JSON).expect("a status");
        assert_eq!(view.change_line(), "U  {\"done\":1}");
        assert_eq!(view.end_line(), "U  Failed  \"x\\ny\"");
        assert_eq!(view.exit(), Exit::Failed);
        let details = view.details();
        assert!(details.starts_with("id             a\\u001b\norchestrator   F\nstate          Failed\n"), "{details}");
        assert!(details.contains("input          1.0\n") && details.contains("parent         p\n"), "{details}");
        assert!(details.ends_with("running        A, attempt 2: {\"n\":1}"), "{details}");
    }

    #[test]
    fn what_is_not_set_is_null() {
        let json = r#"{"name":"F","instanceId":"a","runtimeStatus":"Running","customStatus":null,"input":null}"#;
        let view = View::parse(json).expect("a status");
        assert_eq!(view.custom_status(), "null");
        assert_eq!(view.exit(), Exit::Done);
    }

    #[test]
    fn an_answer_of_another_kind_is_an_error() {
        assert_eq!(View::parse("<html>").expect_err("no JSON").exit(), Exit::Error);
    }
}
