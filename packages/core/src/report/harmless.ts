/** Where a name stands that has a value. */
export type Place = 'headers' | 'query' | 'cookies' | 'body' | 'error'

const parameters = [
  ...['page', 'per_page', 'perpage', 'page_size', 'pagesize', 'limit', 'offset', 'skip', 'take', 'count'],
  ...['sort', 'sort_by', 'order', 'order_by', 'direction', 'type', 'kind', 'status', 'format'],
  ...['lang', 'language', 'locale', 'currency', 'unit', 'units', 'quantity', 'size', 'version', 'enabled'],
]

/** Names that are known to be harmless, in lower case: their values are shown unless somebody says otherwise. */
export const harmless: { readonly [Each in Place]: ReadonlySet<string> } = {
  headers: new Set([
    ...['accept', 'accept-charset', 'accept-encoding', 'accept-language', 'accept-ranges', 'age', 'allow'],
    ...['cache-control', 'connection', 'content-encoding', 'content-language', 'content-length'],
    ...['content-range', 'content-type', 'date', 'dnt', 'etag', 'expect', 'expires', 'host', 'if-match'],
    ...['if-modified-since', 'if-none-match', 'if-range', 'if-unmodified-since', 'keep-alive'],
    ...['last-modified', 'max-forwards', 'origin', 'pragma', 'prefer', 'priority', 'range', 'retry-after'],
    ...['server', 'server-timing', 'te', 'trailer', 'transfer-encoding', 'upgrade'],
    ...['upgrade-insecure-requests', 'user-agent', 'vary', 'via', 'x-content-type-options'],
    ...['x-frame-options', 'x-powered-by', 'x-requested-with', 'x-response-time'],
    // What fetch() and browsers say of themselves.
    ...['sec-ch-ua', 'sec-ch-ua-mobile', 'sec-ch-ua-platform', 'sec-fetch-dest', 'sec-fetch-mode'],
    ...['sec-fetch-site', 'sec-fetch-user', 'sec-gpc'],
    ...['access-control-allow-credentials', 'access-control-allow-headers', 'access-control-allow-methods'],
    ...['access-control-allow-origin', 'access-control-expose-headers', 'access-control-max-age'],
    ...['access-control-request-headers', 'access-control-request-method'],
    // Where the request comes from and belongs to, as proxies and tracers tell.
    ...['traceparent', 'x-request-id', 'x-correlation-id', 'x-trace-id', 'x-amzn-trace-id', 'x-b3-traceid'],
    ...['x-b3-spanid', 'x-b3-sampled', 'cf-ray', 'x-forwarded-host', 'x-forwarded-port'],
    ...['x-forwarded-proto', 'x-request-start'],
    ...['connect-timeout-ms', 'grpc-timeout', 'x-envoy-expected-rq-timeout-ms', 'ratelimit-limit'],
    ...['ratelimit-remaining', 'ratelimit-reset', 'x-ratelimit-limit', 'x-ratelimit-remaining'],
    'x-ratelimit-reset',
  ]),
  query: new Set(parameters),
  cookies: new Set(),
  body: new Set(parameters),
  // What Node, databases and HTTP clients put on their errors to say what went wrong, not with whose data.
  error: new Set([
    ...['name', 'message', 'stack', 'code', 'errno', 'syscall', 'path', 'dest', 'address', 'port', 'status'],
    ...['statuscode', 'statustext', 'type', 'kind', 'severity', 'constraint', 'schema', 'table', 'column'],
    ...['option', 'limit', 'timeoutms', 'maxbytes', 'retryable', 'operator', 'phase'],
  ]),
}
