import type { Report } from '@curfew/core/report'
import { CannotSendError } from './cli-error.ts'
import type { Given } from './given.ts'
import { type Missing, missing, unique } from './missing.ts'
import { rebuildBody } from './rebuild-body.ts'
import { isToken, rebuildHeaders } from './rebuild-headers.ts'
import { rebuildUrl } from './rebuild-url.ts'

/** A captured request as it is to be sent. */
export interface RebuiltRequest {
  readonly method: string
  /** `http://127.0.0.1:3000` */
  readonly origin: string
  /** Path and query as they go onto the wire. */
  readonly path: string
  /** By their names in lower case; the length of the body is not among them. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: Uint8Array | undefined
  /** The file that the body was read from. */
  readonly bodyFile: string | undefined
  /** What must be given or left out first. As long as there is any, placeholders stand there instead. */
  readonly missing: readonly Missing[]
  /** For people. */
  readonly warnings: readonly string[]
}

/**
 * Makes the request of a report again, out of what was captured and what is given.
 *
 * @param to where it goes; without it, where it went
 * @throws {CannotSendError} if it can be no request, whatever is given
 * @throws {InvalidOptionError} if what is given cannot be part of it
 */
export async function rebuildRequest(report: Report, given: Given, to?: URL): Promise<RebuiltRequest> {
  const { request, omitted = [] } = report
  const { method } = request
  // CONNECT would make a tunnel of the connection.
  if (!isToken(method) || method.toUpperCase() === 'CONNECT') throw new CannotSendError('method', method)
  const { origin, path, missing: inUrl } = rebuildUrl(request.url, given, to)
  const { headers, missing: inHeaders } = rebuildHeaders(request, given)
  const body = await rebuildBody(report, given, headers.get('content-type'))
  if (body.contentType !== undefined && !given.drop('header', 'content-type')) {
    headers.set('content-type', body.contentType)
  }
  if (body.encoded && !given.values('header').has('content-encoding')) headers.delete('content-encoding')
  const noHeaders = omitted.some((part) => part.startsWith('request.headers')) && !given.drop('header')
  return {
    method,
    origin,
    path,
    headers,
    body: body.bytes,
    bodyFile: body.file,
    missing: unique([
      ...(noHeaders ? [missing('header', 'omitted', {})] : []),
      ...inUrl,
      ...inHeaders,
      ...body.missing,
    ]),
    warnings: [
      ...(request.headers || omitted.length > 0
        ? []
        : ['report has no headers: sends only those that are given']),
      ...given.unused().map((spelled) => `nothing to leave out: ${spelled}`),
    ],
  }
}
