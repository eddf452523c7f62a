//! Outgoing HTTP of activities whose module the operator has let: `wasi:http`, under the host's rules.

use crate::guest::{Guest, Role};
use dacapo_outgoing::rules::Denied;
use dacapo_outgoing::{Outgoing, Reply, Request, SendError};
use http_body_util::{BodyExt as _, Full, Limited};
use std::time::Duration;
use url::Url;
use wasmtime::component::Linker;
use wasmtime_wasi_http::{
    Error, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView, p2,
};

/// The interface by which a module sends requests.
const HANDLER: &str = "wasi:http/outgoing-handler@";

/// Every module may import `wasi:http`; who may use it is decided for each guest.
pub(crate) fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    p2::add_only_http_to_linker_async(linker)
}

/// Whether a module with these imports can send requests.
pub(crate) fn sends(imports: &[String]) -> bool {
    imports.iter().any(|import| import.starts_with(HANDLER))
}

/// What one guest can do with `wasi:http`.
pub(crate) struct Door {
    ctx: WasiHttpCtx,
    hooks: Hooks,
}

impl Door {
    /// `outgoing`: with what an activity of a module that may do so sends.
    pub(crate) fn new(role: &Role, instance: String, outgoing: Option<Outgoing>) -> Self {
        let (open, refusal) = match role {
            Role::Activity(_) => (outgoing, "its module is not on the list `http.modules` of the server's settings"),
            Role::Orchestrator(_) => (None, "an orchestrator cannot send requests: let it call an activity that does"),
            Role::Probe => (None, "a module cannot send requests while it is asked for its functions"),
        };
        Self { ctx: WasiHttpCtx::new(), hooks: Hooks { instance, open, refusal } }
    }

    /// Whether the guest may send, and wait for what comes.
    pub(crate) fn is_open(&self) -> bool {
        self.hooks.open.is_some()
    }
}

struct Hooks {
    instance: String,
    open: Option<Outgoing>,
    refusal: &'static str,
}

type Io = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Sent = Result<(http::Response<WasiBody>, Io), Error>;

impl WasiHttpHooks for Hooks {
    fn set_host_header(&mut self) -> bool {
        // The client sets it from the URL that was checked.
        false
    }

    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _body_sent: Io,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let (open, refusal, instance) = (self.open.clone(), self.refusal, self.instance.clone());
        Box::new(async move {
            let Some(outgoing) = open else {
                tracing::warn!(target: "guest", instance, refusal, "a request was not sent");
                return Err(Error::HttpRequestDenied);
            };
            let request = whole(&outgoing, request, options).await?;
            match outgoing.send(request).await {
                Ok(reply) => Ok((response(reply), Box::new(async { Ok(()) }) as Io)),
                Err(error) => {
                    tracing::warn!(target: "guest", instance, %error, "a request failed");
                    Err(translate(error))
                }
            }
        })
    }
}

async fn whole(
    outgoing: &Outgoing,
    request: http::Request<WasiBody>,
    options: Option<RequestOptions>,
) -> Result<Request, Error> {
    let (parts, body) = request.into_parts();
    let url = Url::parse(&parts.uri.to_string()).map_err(|_| Error::HttpRequestUriInvalid)?;
    let limit = outgoing.body_bytes();
    let body = Limited::new(body, limit).collect().await;
    let body = body.map_err(|_| Error::HttpRequestBodySize(u64::try_from(limit).ok()))?.to_bytes();
    let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let timeout_ms = outgoing.granted_ms(options.and_then(|options| options.first_byte_timeout).map(ms));
    Ok(Request { method: parts.method, url, headers: parts.headers, body, timeout_ms })
}

fn response(reply: Reply) -> http::Response<WasiBody> {
    let body = Full::new(reply.body).map_err(|never| match never {}).boxed_unsync();
    let mut response = http::Response::new(body);
    (*response.status_mut(), *response.headers_mut()) = (reply.status, reply.headers);
    response
}

fn translate(error: SendError) -> Error {
    match error {
        SendError::Denied(Denied::Address { .. }) => Error::DestinationIpProhibited,
        SendError::Denied(_) => Error::HttpRequestDenied,
        SendError::Unresolved { .. } => Error::DnsError { rcode: None, info_code: None },
        SendError::Unreachable(_) => Error::ConnectionRefused,
        SendError::TimedOut(_) => Error::HttpResponseTimeout,
        SendError::TooLarge { what: "request", limit } => Error::HttpRequestBodySize(u64::try_from(limit).ok()),
        SendError::TooLarge { limit, .. } => Error::HttpResponseBodySize(u64::try_from(limit).ok()),
        SendError::Broken(_) => Error::HttpProtocolError,
    }
}

impl WasiHttpView for Guest {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        let (door, table) = self.door();
        WasiHttpCtxView { ctx: &mut door.ctx, hooks: &mut door.hooks, table }
    }
}
