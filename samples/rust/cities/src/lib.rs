//! A flow that shows its progress, and one whose output depends on its user.

use dacapo::prelude::*;

/// Greets three cities, and shows the last one that was greeted.
#[orchestrator]
async fn hello_cities(ctx: Context) -> Result<Vec<String>> {
    let mut greetings = vec![];
    for city in ["Tokyo", "Seattle", "London"] {
        greetings.push(ctx.call_activity("SayHello", city).await?);
        ctx.set_custom_status(city)?;
    }
    Ok(greetings)
}

#[activity]
fn say_hello(name: String) -> Result<String> {
    Ok(format!("Hello {name}!"))
}

/// Recommends cities for a taste (1, 2 or 3), and returns the one that the user chose.
#[orchestrator]
async fn city_recommender(ctx: Context, taste: i64) -> Result<Value> {
    let (cities, seasons) = match taste {
        1 => (json!(["Tokyo", "Seattle"]), json!(["Spring", "Summer"])),
        2 => (json!(["Seattle", "London"]), json!(["Summer"])),
        3 => (json!(["Tokyo", "London"]), json!(["Spring", "Summer"])),
        _ => {
            return Err(Error::new(
                "unknown-taste",
                format!("There is nothing to recommend for {taste}; try 1, 2 or 3."),
            ));
        }
    };
    ctx.set_custom_status(json!({ "recommendedCities": cities, "recommendedSeasons": seasons }))?;

    // Clients know the event under two names.
    match race(ctx.wait_for_event("UserChoice"), ctx.wait_for_event("Choice")).await {
        Either::Left(chosen) | Either::Right(chosen) => chosen,
    }
}

dacapo::module! {
    orchestrators: [hello_cities, city_recommender],
    activities: [say_hello],
}
