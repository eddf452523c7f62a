// The input of the host's own activity `Http`, from the request of Durable Functions.

export function toHttpInput(request) {
  if (typeof request?.url !== "string" || request.url === "") {
    throw new TypeError('callHttp takes a request with a url, as in callHttp({ method: "GET", url: "https://..." }).');
  }
  const { method = "GET", url, body, headers = {}, enablePolling = true } = request;
  return { method, uri: url, content: body, headers, asynchronousPatternEnabled: enablePolling };
}
