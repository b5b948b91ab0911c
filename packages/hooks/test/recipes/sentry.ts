import type { Hook, ReportedError } from '@curfew/core/report'
import { defaultStackParser, type Exception, makeNodeTransport, NodeClient } from '@sentry/node'

/** A client that does nothing but send: it listens to no crash, and looks into no module, request or variable. */
export function sentryClient(dsn: string): NodeClient {
  return new NodeClient({
    dsn,
    integrations: [],
    stackParser: defaultStackParser,
    transport: makeNodeTransport,
    enableRuntimeChannelInjection: false,
    sendClientReports: false,
  })
}

export function toSentry(client: NodeClient): Hook {
  return {
    name: 'sentry',
    fire({ id, kind, fingerprint, count, error, request, outcome, timing, where }) {
      const { method, url, headers = {}, body: data, route } = request
      client.captureEvent({
        level: kind === 'failed' ? 'error' : 'warning',
        ...(error
          ? { exception: { values: chain(error) } }
          : { message: `${kind}: ${method} ${route ?? url}` }),
        fingerprint: [fingerprint],
        transaction: `${method} ${route ?? url}`,
        tags: {
          kind,
          route,
          status: outcome.status,
          service: where.service,
          report: id,
          request: request.id,
        },
        request: { method, url, headers, data },
        contexts: { curfew: { ...outcome, ...timing, count, fields: error?.fields } },
      })
    },
    async flush() {
      if (!(await client.flush(5_000))) throw new Error('Sentry has not taken all events: 5000 ms')
    },
  }
}

/** An error after its causes, as Sentry wants them. What was thrown itself is not redacted, so it is not used. */
function chain({ name, message, stack = '', cause }: ReportedError): Exception[] {
  const own = { type: name, value: message, stacktrace: { frames: defaultStackParser(stack) } }
  return [...(cause ? chain(cause) : []), own]
}
