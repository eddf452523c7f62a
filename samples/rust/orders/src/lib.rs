//! A saga: order lines in parallel, retries with back-off, and compensation in reverse order when a step fails.

use std::cell::Cell;
use std::time::Duration;

use dacapo::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Order {
    order: String,
    lines: Vec<Line>,
    /// The stock-keeping unit that the warehouse has run out of; to see what happens then.
    #[serde(default)]
    fail_at: Option<String>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Line {
    sku: String,
    quantity: u32,
}

/// What the activities of the warehouse are asked.
#[derive(Serialize, Deserialize)]
struct Reservation {
    order: String,
    line: Line,
    out_of_stock: bool,
}

/// Runs a step. Once it is done, `undo` with the same input is what takes it back.
async fn step(ctx: &Context, saga: &Saga<'_>, activity: &str, input: Value, undo: &str) -> Result<()> {
    // `out-of-stock` and `no-courier` are answers, not accidents: asking again would not change them.
    let patient = Retry::attempts(3).first_delay(Duration::from_millis(100)).backoff(2.0);
    let options = ActivityOptions::new().retry(patient.unless("out-of-stock").unless("no-courier"));
    ctx.call_activity_with::<Value>(activity, &input, options).await?;
    saga.undo_by(undo, input)
}

/// Reserves all lines, charges, ships. Returns `complete`, or `compensated` and why.
#[orchestrator]
async fn order_fulfilment(ctx: Context, order: Order) -> Result<Value> {
    let saga = Saga::new(&ctx);
    let done = Cell::new(0);
    let show =
        |stage: &str| ctx.set_custom_status(json!({ "done": done.get(), "total": order.lines.len(), "stage": stage }));
    let fulfil = async {
        show("reserving")?;
        let lines = order.lines.iter().map(async |line| {
            let out_of_stock = order.fail_at.as_ref() == Some(&line.sku);
            let reservation = Reservation { order: order.order.clone(), line: line.clone(), out_of_stock };
            step(&ctx, &saga, "ReserveStock", json!(reservation), "ReleaseStock").await?;
            done.set(done.get() + 1);
            show("reserving")
        });
        // All of them, also after a failure: what is under way has to be known before it can be taken back.
        join_all(lines).await.into_iter().collect::<Result<Vec<()>>>()?;
        show("charging")?;
        step(&ctx, &saga, "ChargeCustomer", json!(order.order), "RefundCustomer").await?;
        show("shipping")?;
        step(&ctx, &saga, "ShipOrder", json!(order.order), "RecallShipment").await
    };
    let failed: Result<()> = fulfil.await;
    match failed {
        Ok(()) => {
            show("complete")?;
            Ok(json!({ "order": order.order, "outcome": "complete", "reserved": done.get() }))
        }
        Err(error) => {
            show("compensating")?;
            let stubborn = Retry::attempts(10).first_delay(Duration::from_secs(1)).backoff(2.0);
            saga.compensate(stubborn).await?;
            show("compensated")?;
            Ok(json!({ "order": order.order, "outcome": "compensated", "reason": error.to_string() }))
        }
    }
}

/// A warehouse to play with: it is busy at first for stock that begins with "flaky".
#[activity]
fn reserve_stock(ctx: ActivityContext, reservation: Reservation) -> Result<String> {
    let sku = reservation.line.sku;
    if reservation.out_of_stock {
        return Err(Error::new("out-of-stock", format!("{sku} is out of stock")));
    }
    if sku.starts_with("flaky") && ctx.attempt() < 3 {
        return Err(Error::new("warehouse-busy", "the warehouse is busy"));
    }
    Ok(ctx.idempotency_key())
}

#[activity]
fn release_stock(reservation: Reservation) -> Result<String> {
    Ok(reservation.line.sku)
}

#[activity]
fn charge_customer(order: String) -> Result<String> {
    Ok(order)
}

#[activity]
fn refund_customer(order: String) -> Result<String> {
    Ok(order)
}

/// No courier goes where an order begins with "unshippable".
#[activity]
fn ship_order(order: String) -> Result<String> {
    if order.starts_with("unshippable") {
        return Err(Error::new("no-courier", format!("no courier takes {order}")));
    }
    Ok(order)
}

#[activity]
fn recall_shipment(order: String) -> Result<String> {
    Ok(order)
}

dacapo::module! {
    orchestrators: [order_fulfilment],
    activities: [
        reserve_stock, release_stock, charge_customer, refund_customer, ship_order, recall_shipment,
    ],
}
