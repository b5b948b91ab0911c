// The clients of the suite without the suite: for processes that no test runner has started.
export { type Http2Client, type Http2Request, http2Client } from './http2-client.ts'
export { type RawClient, type RawClientOptions, rawClient } from './raw-client.ts'
export type { Head, RawResponse, ReadOptions } from './read-response.ts'
