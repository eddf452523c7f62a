//! An activity that sends an HTTP request by `wasi:http` and says how far it is, and flows that call it.

use dacapo::prelude::*;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{Fields, IncomingBody, Method, OutgoingBody, OutgoingRequest, Scheme};
use wasip2::io::streams::StreamError;

#[derive(Serialize, Deserialize)]
struct Request {
    authority: String,
    path: String,
    #[serde(default)]
    body: String,
}

#[derive(Serialize, Deserialize)]
struct Reply {
    status: u16,
    body: String,
}

fn exchange(request: &Request) -> std::result::Result<Reply, String> {
    let outgoing = OutgoingRequest::new(Fields::new());
    let method = if request.body.is_empty() { Method::Get } else { Method::Post };
    outgoing.set_method(&method).map_err(|()| "method")?;
    outgoing.set_scheme(Some(&Scheme::Http)).map_err(|()| "scheme")?;
    outgoing.set_authority(Some(&request.authority)).map_err(|()| "authority")?;
    outgoing.set_path_with_query(Some(&request.path)).map_err(|()| "path")?;
    let body = outgoing.body().map_err(|()| "body")?;
    let response = outgoing_handler::handle(outgoing, None).map_err(|error| error.to_string())?;
    if !request.body.is_empty() {
        let stream = body.write().map_err(|()| "stream")?;
        stream.blocking_write_and_flush(request.body.as_bytes()).map_err(|error| error.to_string())?;
    }
    OutgoingBody::finish(body, None).map_err(|error| error.to_string())?;
    response.subscribe().block();
    let response = response.get().ok_or("no response")?.map_err(|()| "taken twice")?;
    let response = response.map_err(|error| error.to_string())?;
    let (status, body) = (response.status(), response.consume().map_err(|()| "consumed twice")?);
    Ok(Reply { status, body: read(&body)? })
}

fn read(body: &IncomingBody) -> std::result::Result<String, String> {
    let stream = body.stream().map_err(|()| "streamed twice")?;
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(64 << 10) {
            Ok(chunk) => bytes.extend(chunk),
            Err(StreamError::Closed) => return String::from_utf8(bytes).map_err(|error| error.to_string()),
            Err(error) => return Err(error.to_string()),
        }
    }
}

#[activity]
fn send(ctx: ActivityContext, request: Request) -> Result<Reply> {
    ctx.report_progress(json!({ "sending": request.path }))?;
    exchange(&request).map_err(|reason| Error::new("not-sent", reason))
}

/// Sends one request after the other, and sleeps between them.
#[activity]
fn send_twice(ctx: ActivityContext, request: Request) -> Result<u32> {
    for n in 0..2 {
        ctx.report_progress(n)?;
        exchange(&request).map_err(|reason| Error::new("not-sent", reason))?;
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(2)
}

/// Calls an activity, once more if it was not sent.
#[orchestrator]
async fn sender(ctx: Context, (activity, request): (String, Request)) -> Result<Value> {
    ctx.set_custom_status("sending")?;
    let again = Retry::attempts(2).first_delay(Duration::from_secs(1)).unless("http-rejected");
    ctx.call_activity_with(&activity, request, ActivityOptions::new().retry(again)).await
}

/// Calls any activity, with a policy.
#[orchestrator]
async fn caller(ctx: Context, (activity, input): (String, Value)) -> Result<Value> {
    ctx.set_custom_status("calling")?;
    let again = Retry::attempts(3).first_delay(Duration::from_secs(1)).unless("http-rejected");
    ctx.call_activity_with(&activity, input, ActivityOptions::new().retry(again)).await
}

/// What no orchestrator may: it has no network of its own.
#[orchestrator]
async fn sends_itself(_ctx: Context, request: Request) -> Result<Reply> {
    exchange(&request).map_err(|reason| Error::new("not-sent", reason))
}

dacapo::module! {
    orchestrators: [sender, caller, sends_itself],
    activities: [send, send_twice],
}
