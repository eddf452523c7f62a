//! A flow that tells its client what to do next, and waits for it for a minute.

use std::time::Duration;

use dacapo::prelude::*;

const TIME_TO_BOOK: Duration = Duration::from_secs(60);

/// Offers a discount, and returns whether the booking was confirmed while it lasted.
#[orchestrator]
async fn reserve_ticket(ctx: Context, user_id: Value) -> Result<bool> {
    let discount: u32 = ctx.call_activity("CalculateDiscount", user_id).await?;
    ctx.set_custom_status(json!({
        "discount": discount,
        "discountTimeout": TIME_TO_BOOK.as_secs(),
        "bookingUrl": "https://www.myawesomebookingweb.com",
    }))?;

    let confirmation = ctx.wait_for_event::<bool>("BookingConfirmed");
    let confirmed = ctx.with_timeout(TIME_TO_BOOK, confirmation).await?.unwrap_or(false);

    let message = match confirmed {
        true => "Thank you for confirming your booking.",
        false => "The booking was not confirmed on time. Please try again.",
    };
    ctx.set_custom_status(json!({ "message": message }))?;
    Ok(confirmed)
}

/// Between 0 and 50 percent, and always the same for the same user.
#[activity]
fn calculate_discount(user_id: Value) -> Result<u32> {
    let sum: u32 = user_id.to_string().bytes().map(u32::from).sum();
    Ok(sum % 51)
}

dacapo::module! {
    orchestrators: [reserve_ticket],
    activities: [calculate_discount],
}
