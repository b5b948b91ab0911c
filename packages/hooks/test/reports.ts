import type { Report, ReportedBody } from '@curfew/core/report'

/** A handler threw: an error with fields and a cause, of a request with headers and a JSON body. */
export const failed: Report = {
  schema: 1,
  id: '0f8b7a52-6d0e-4c39-9c1e-0b9f5f3f6a11',
  kind: 'failed',
  time: '2026-03-14T09:26:53.589Z',
  fingerprint: '9f2c41d07ab3e865',
  count: 1,
  error: {
    name: 'QueryError',
    message: 'duplicate key value violates unique constraint "orders_pkey"',
    stack: [
      'QueryError: duplicate key value violates unique constraint "orders_pkey"',
      '    at OrderStore.insert (file:///app/src/orders/store.ts:41:13)',
      '    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)',
      '    at async placeOrder (file:///app/src/orders/place-order.ts:18:20)',
      '    at async dispatch (file:///app/node_modules/hono/dist/compose.js:22:17)',
      '    at async handle (file:///app/src/main.ts:12:3)',
    ].join('\n'),
    fields: { code: '23505', detail: 'Key (id)=(1234) already exists' },
    cause: {
      name: 'Error',
      message: 'connection is read-only',
      stack: [
        'Error: connection is read-only',
        '    at Parser.parseError (file:///app/node_modules/pg-protocol/dist/parser.js:283:98)',
        '    at Socket.<anonymous> (file:///app/node_modules/pg-protocol/dist/index.js:11:42)',
        '    at Socket.emit (node:events:524:28)',
      ].join('\n'),
    },
  },
  request: {
    id: 'req-7421',
    method: 'POST',
    url: 'http://localhost:3000/users/17/orders?coupon=spring&token=%5Bredacted%5D',
    route: '/users/:id/orders',
    headers: {
      'content-type': 'application/json',
      authorization: '[redacted]',
      'user-agent': 'curl/8.5.0',
    },
    body: {
      kind: 'json',
      bytes: 71,
      complete: true,
      value: { id: 1234, items: [{ sku: 'A-1', quantity: 2 }], card: '[redacted]' },
    },
  },
  response: { status: 500, headers: { 'content-type': 'application/problem+json' } },
  outcome: { kind: 'failed', status: 500, phase: 'handling' },
  timing: { elapsedMs: 132.4, timeoutMs: 5_000 },
  abandoned: false,
  where: {
    service: 'shop',
    version: '2.3.1',
    region: 'eu-central-1',
    hostname: 'shop-7c9d',
    pid: 4711,
    runtime: { name: 'node', version: '20.20.2' },
    os: 'linux',
    arch: 'x64',
  },
}

/** The deadline struck, and the handler had begun to write. */
export const timedOut: Report = {
  schema: 1,
  id: '5b1f0a3e-2f5d-4a6b-8a77-3d1f6b0c9e22',
  kind: 'timed-out',
  time: '2026-03-14T09:27:01.004Z',
  fingerprint: '1b7d90c2e4f85a36',
  count: 1,
  error: {
    name: 'TimeoutError',
    message: 'Handler timed out: 5000 ms',
    fields: { code: 'HANDLER_TIMEOUT', timeoutMs: 5_000 },
  },
  request: {
    id: '4bf92f3577b34da6a3ce929d0e0e4736',
    method: 'GET',
    url: 'http://localhost:3000/report',
    route: '/report',
    headers: { accept: 'text/html' },
  },
  response: { status: 503, headers: { 'content-type': 'application/problem+json' } },
  written: { status: 200, headers: { 'content-type': 'text/html' }, bytes: 2_048 },
  outcome: { kind: 'timed-out', status: 503, phase: 'handling' },
  timing: { elapsedMs: 5_012.7, timeoutMs: 5_000, lateMs: 12.7 },
  abandoned: true,
  where: { hostname: 'shop-7c9d', pid: 4711, runtime: { name: 'node', version: '20.20.2' } },
}

/** What that handler did after its end: the id is the same. */
export const late: Report = {
  ...timedOut,
  kind: 'late',
  time: '2026-03-14T09:27:03.250Z',
  fingerprint: '77ac3e5b10d9f248',
  error: {
    name: 'TypeError',
    message: "Cannot read properties of undefined (reading 'rows')",
    stack: [
      "TypeError: Cannot read properties of undefined (reading 'rows')",
      '    at render (file:///app/src/report.ts:27:31)',
      '    at async report (file:///app/src/report.ts:9:10)',
    ].join('\n'),
  },
  late: { kind: 'failed', afterMs: 2_246.1 },
}

/** The client left while the handler ran. No limit, no route, nothing was thrown. */
export const abandoned: Report = {
  schema: 1,
  id: 'c7d3e1f9-8b4a-4f0e-9d55-7e2a1c6b4d33',
  kind: 'abandoned',
  time: '2026-03-14T09:28:40.120Z',
  fingerprint: 'e03b6f8d29c7514a',
  count: 1,
  request: { id: 'made-0001', method: 'GET', url: 'http://localhost:3000/slow' },
  outcome: { kind: 'client-closed', status: 499, phase: 'handling' },
  timing: { elapsedMs: 812, timeoutMs: null },
  abandoned: true,
  where: {},
}

/** Forty more of the first one. */
export const repeated: Report = {
  ...failed,
  id: 'a4e8c0d2-1f36-4b7c-8e90-5d2b7f1a6c44',
  time: '2026-03-14T09:27:53.600Z',
  count: 40,
  repeatOf: failed.id,
}

/** A form with a file, of which the handler had not read all. */
export const upload: ReportedBody = {
  kind: 'multipart',
  bytes: 99,
  complete: false,
  fields: [
    { name: 'a', value: '1\n2' },
    { name: 'f', value: 'cat.png', file: { type: 'image/png', bytes: 1 } },
  ],
}

/** Everything in it that a client or an error can choose is made to do harm to a terminal, a log or a line. */
export const hostile: Report = {
  ...failed,
  id: 'd9b2f4a6-3c58-4e1d-b7a0-6f8c2e5d1b55',
  error: {
    name: 'Evil\u001b[31mError',
    message:
      'line one\nline two\u2028three\u001b]0;owned\u0007 \u202edesrever\u202c \u0000 \u009b2J \ud800 <b>@channel</b>',
    stack: [
      'Evil\u001b[31mError: line one',
      'line two\u2028three\u001b]0;owned\u0007 \u202edesrever\u202c \u0000 \u009b2J \ud800 <b>@channel</b>',
      '    at \u001b[2Jrender (file:///app/src/\u202eevil.ts:1:1)',
    ].join('\n'),
    cause: { name: 'string', message: '\r\u001b[1A[fake] all is well' },
  },
  request: {
    id: 'req\u001b[0m\n2026-03-14 [info] forged',
    method: 'POST',
    url: 'http://localhost:3000/a?q=%1b[2J\u001b[2J\u2066x',
    headers: { 'x-\u0007': '\u001b[5mblink\u2029' },
    body: { kind: 'text', bytes: 12, complete: false, text: 'a\u001b[2Jb\tc\r\nd\u200f' },
  },
  where: { service: 'sh\u001b[7mop' },
}

export const all: readonly Report[] = [failed, timedOut, late, abandoned, repeated, hostile]
