import type { ByteQueue } from './byte-queue.ts'

/** The first line and the headers of a response. */
export type Head = {
  readonly status: number
  readonly reason: string
  /** By lower-case name; what was sent more than once is joined with a comma. */
  readonly headers: ReadonlyMap<string, string>
  /** As they came: every pair, in order, in the sender's spelling. */
  readonly rawHeaders: readonly (readonly [name: string, value: string])[]
}

/** One HTTP/1.1 response, as it was on the wire. */
export type RawResponse = Head & {
  readonly body: Buffer
  /** False when the connection ended before the body was whole. */
  readonly complete: boolean
  /** The 1xx heads that came before. */
  readonly informational: readonly Head[]
}

export type ReadOptions = {
  /** The request's method: the response to a HEAD has no body, whatever its headers say. */
  readonly method?: string
  /** Called with each 1xx head. */
  readonly onInformational?: (head: Head) => void
  readonly onHead?: (head: Head) => void
  /** Called with the number of body bytes so far, at each that arrives. */
  readonly onBody?: (bytes: number) => void
}

/** Reads exactly one response and leaves what follows it in the queue. */
export async function readResponse(queue: ByteQueue, options: ReadOptions = {}): Promise<RawResponse> {
  const informational: Head[] = []
  let head = await readHead(queue)
  while (head.status < 200 && head.status !== 101) {
    informational.push(head)
    options.onInformational?.(head)
    head = await readHead(queue)
  }
  options.onHead?.(head)
  const body = bodyOf(queue, options.onBody)
  const complete = await readBody(queue, head, options.method ?? 'GET', body)
  return { ...head, body: Buffer.concat(body.pieces), complete, informational }
}

type Body = {
  readonly pieces: Buffer[]
  /** True once `length` bytes have been read; false when the connection ended before. */
  read(length: number): Promise<boolean>
}

function bodyOf(queue: ByteQueue, onBody: ReadOptions['onBody']): Body {
  const pieces: Buffer[] = []
  let total = 0
  async function read(length: number): Promise<boolean> {
    let missing = length
    while (missing > 0) {
      const piece = await queue.take(missing)
      if (piece === undefined) return false
      pieces.push(piece)
      missing -= piece.length
      total += piece.length
      onBody?.(total)
    }
    return true
  }
  return { pieces, read }
}

async function readHead(queue: ByteQueue): Promise<Head> {
  if (!(await queue.hasMore())) throw new Error(`no response: connection ended: ${queue.closing}`)
  const first = await headLine(queue)
  const match = /^HTTP\/1\.1 ([1-9]\d\d)(?: (.*))?$/.exec(first)
  if (match === null) throw new Error(`malformed response: not a status line: ${JSON.stringify(first)}`)
  const rawHeaders: [string, string][] = []
  const headers = new Map<string, string>()
  for (let line = await headLine(queue); line !== ''; line = await headLine(queue)) {
    const pair = /^([!#$%&'*+\-.^_`|~\w]+):(.*)$/.exec(line)
    if (pair === null) throw new Error(`malformed response: not a header: ${JSON.stringify(line)}`)
    const [, name = '', padded = ''] = pair
    const value = padded.replace(/^[ \t]+|(?<![ \t])[ \t]+$/g, '')
    rawHeaders.push([name, value])
    const known = headers.get(name.toLowerCase())
    headers.set(name.toLowerCase(), known === undefined ? value : `${known}, ${value}`)
  }
  return { status: Number(match[1]), reason: match[2] ?? '', headers, rawHeaders }
}

async function headLine(queue: ByteQueue): Promise<string> {
  const line = await queue.line()
  if (line === undefined) throw new Error(`truncated head: connection ended: ${queue.closing}`)
  return line
}

async function readBody(queue: ByteQueue, head: Head, method: string, body: Body): Promise<boolean> {
  const { status, headers } = head
  if (method === 'HEAD' || status === 101 || status === 204 || status === 304) return true
  const coding = headers.get('transfer-encoding')
  const length = headers.get('content-length')
  if (coding !== undefined) {
    if (length !== undefined) throw new Error('malformed response: content-length beside transfer-encoding')
    if (coding.toLowerCase() !== 'chunked')
      throw new Error(`malformed response: transfer-encoding: ${coding}`)
    return readChunks(queue, body)
  }
  if (length !== undefined) {
    if (!/^\d+$/.test(length)) throw new Error(`malformed response: content-length: ${length}`)
    return body.read(Number(length))
  }
  await body.read(Number.POSITIVE_INFINITY)
  return queue.closing === 'fin'
}

async function readChunks(queue: ByteQueue, body: Body): Promise<boolean> {
  for (;;) {
    const line = await queue.line()
    if (line === undefined) return false
    const size = /^([\da-f]+)\s*(?:;.*)?$/i.exec(line)?.[1]
    if (size === undefined) throw new Error(`malformed response: not a chunk size: ${JSON.stringify(line)}`)
    if (/^0+$/.test(size)) return readTrailers(queue)
    if (!(await body.read(Number.parseInt(size, 16)))) return false
    const end = await queue.line()
    if (end === undefined) return false
    if (end !== '')
      throw new Error(`malformed response: a chunk longer than its size: ${JSON.stringify(end)}`)
  }
}

async function readTrailers(queue: ByteQueue): Promise<boolean> {
  let line = await queue.line()
  while (line !== undefined && line !== '') line = await queue.line()
  return line !== undefined
}
