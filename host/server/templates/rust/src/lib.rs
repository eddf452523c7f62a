//! Greets people one after the other, shows how far it is, and waits for a word of thanks.

use dacapo::prelude::*;
use std::time::Duration;

/// Returns the greetings and, if it comes within an hour, the thanks.
#[orchestrator]
async fn greet_all(ctx: Context, names: Vec<String>) -> Result<Value> {
    let mut greetings: Vec<String> = vec![];
    for name in &names {
        greetings.push(ctx.call_activity("Greet", name).await?);
        ctx.set_custom_status(json!({ "done": greetings.len(), "total": names.len() }))?;
    }
    let thanks = ctx.wait_for_event::<String>("Thanks");
    let thanks = ctx.with_timeout(Duration::from_secs(3_600), thanks).await?;
    Ok(json!({ "greetings": greetings, "thanks": thanks }))
}

/// Side effects belong into activities.
#[activity]
fn greet(name: String) -> Result<String> {
    Ok(format!("Hello {name}!"))
}

dacapo::module! { orchestrators: [greet_all], activities: [greet] }

#[cfg(test)]
mod tests {
    use super::*;
    use dacapo::testing::Play;

    #[test]
    fn everybody_is_greeted_and_thanks_are_passed_on() {
        let play = Play::of::<greet_all>().input(["Ada", "Bob"]).own_activity::<greet>();
        let played = play.event_after(Duration::from_secs(60), "Thanks", "you're welcome").run();
        assert_eq!(played.statuses, [json!({ "done": 1, "total": 2 }), json!({ "done": 2, "total": 2 })]);
        let expected = json!({ "greetings": ["Hello Ada!", "Hello Bob!"], "thanks": "you're welcome" });
        assert_eq!(played.output, Ok(expected));
    }

    #[test]
    fn nobody_waits_for_thanks_for_ever() {
        let played = Play::of::<greet_all>().input(["Ada"]).own_activity::<greet>().run();
        assert_eq!(played.output, Ok(json!({ "greetings": ["Hello Ada!"], "thanks": null })));
        assert_eq!(played.took, Duration::from_secs(3_600));
    }
}
