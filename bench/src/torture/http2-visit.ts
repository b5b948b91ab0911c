import { type ClientHttp2Stream, constants, type IncomingHttpHeaders } from 'node:http2'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Http2Client, http2Client, rawClient } from '@curfew/conformance/clients'
import { checkResponse, uploadBody, wrong } from './check-response.ts'
import { allowed } from './expected.ts'
import { garbage } from './garbage.ts'
import type { Exchange, Session } from './plan.ts'
import { pathOf, type Seen, type Trip } from './trip.ts'

const HOST = '127.0.0.1'
const PATIENCE_MS = 10_000
/** How long a connection that sends garbage waits for its end, in milliseconds. */
const GARBAGE_MS = 500
const CHUNK = 8_192

/** Visits a server over HTTP/2, and says what it saw of each request but for those of a flood. */
export async function visitHttp2(planned: Session, trip: Trip): Promise<Seen[]> {
  await sleep(planned.pause * trip.pauseMs)
  if (planned.garbage !== undefined) return talkNonsense(planned.garbage, planned, trip)
  const client = await http2Client(`http://${HOST}:${trip.port}`)
  let gone = false
  // From Node 24 on, more of a body than was announced is an error of the connection, not only of its stream.
  const isTooLong = planned.exchanges.some(({ manner }) => manner.kind === 'long-body')
  client.session.on('goaway', (code) => {
    if (isTooLong && code === constants.NGHTTP2_INTERNAL_ERROR) gone = true
  })
  const idOf = (number: number): string => `${trip.prefix}${planned.number}.${number}`
  try {
    flood(client, planned, idOf)
    const all = planned.exchanges.map((exchange) =>
      ask(client, exchange, idOf(exchange.number), trip, () => gone),
    )
    const { cut } = planned
    if (!cut) return await Promise.all(all)
    await Promise.race([Promise.all(all), sleep(cut.afterMs)])
    gone = true
    if (cut.by === 'FIN') client.destroy()
    else client.reset()
    return await Promise.all(all)
  } finally {
    client.destroy()
  }
}

async function talkNonsense(which: number, { number }: Session, { port, prefix }: Trip): Promise<Seen[]> {
  const client = await rawClient({ host: HOST, port })
  await client.send(garbage[which]!.send(`/ok/0?id=${prefix}${number}.0`))
  await Promise.race([client.closed, sleep(GARBAGE_MS)])
  client.destroy()
  return []
}

/** Opens requests and resets them at once, some of them when they have been sent. */
function flood(client: Http2Client, { flood, exchanges }: Session, idOf: (number: number) => string): void {
  const handlers = ['ok', 'wait', 'stream', 'never'] as const
  for (let i = 0; i < flood; i++) {
    if (!client.reusable) return
    const path = `/${handlers[i % handlers.length]}/5?id=${idOf(exchanges.length + i)}`
    const stream = client.request({ path })
    stream.on('error', () => {})
    if (i % 2 === 0) stream.close(constants.NGHTTP2_CANCEL)
    else setImmediate(() => stream.close(constants.NGHTTP2_CANCEL))
  }
}

async function ask(
  client: Http2Client,
  exchange: Exchange,
  id: string,
  { traits }: Trip,
  isGone: () => boolean,
): Promise<Seen> {
  const { method, body, deadline, manner } = exchange
  const may = allowed(exchange, traits)
  const bytes = uploadBody(id, body?.bytes ?? 0)
  const wrongBy = manner.kind === 'short-body' ? 15 : manner.kind === 'long-body' ? -15 : 0
  const stream = client.session.request(
    {
      ':method': method,
      ':path': pathOf(exchange, id),
      ...(deadline && { [deadline.header]: deadline.value }),
      ...(manner.kind === 'expect' && { expect: '100-continue' }),
      ...(body && { 'content-type': 'application/octet-stream' }),
      ...(body?.framing === 'length' || wrongBy !== 0
        ? { 'content-length': String(bytes.length + wrongBy) }
        : {}),
    },
    { endStream: !body },
  )
  const timer = setTimeout(() => stream.destroy(new Error('waited in vain')), PATIENCE_MS)
  const leaves = manner.kind === 'leave'
  if (exchange.handler === 'firehose') stream.pause()
  const reply = read(stream, method, isGone, (pieces) => {
    if (leaves && (manner.at === 'after the head' || (manner.at === 'in mid-body' && pieces > 0))) cancel()
  })
  const cancel = (): void => {
    stream.close(constants.NGHTTP2_CANCEL)
    // Who has had the end already is only closed once he has read it.
    stream.resume()
  }
  if (
    leaves &&
    exchange.handler !== 'firehose' &&
    (manner.at === 'in the head' || manner.at === 'in the body')
  ) {
    if (body) stream.write(bytes.subarray(0, bytes.length / 2))
    await sleep(manner.afterMs)
    cancel()
  } else if (body) {
    await send(stream, bytes, exchange)
  }
  if (leaves && (manner.at === 'while it is handled' || exchange.handler === 'firehose')) {
    await sleep(manner.afterMs)
    cancel()
  }
  if (manner.kind === 'slow-reading') {
    stream.pause()
    await sleep(manner.pauseMs)
    stream.resume()
  }
  const seen = await reply
  // A connection that is cut has its streams end as if they were complete.
  const left = leaves || seen.isCut
  clearTimeout(timer)
  if (left) return { id, what: 'left', ...(seen.status && { status: seen.status }) }
  if (seen.status === undefined) {
    return {
      id,
      what: 'nothing',
      ...(!may.nothing && { wrong: wrong('no answer', `the stream was closed with ${seen.code}`) }),
    }
  }
  const { status } = seen
  if (!seen.complete) {
    return {
      id,
      what: 'cut',
      status,
      ...(!may.cut && {
        wrong: wrong('broken off', `${status}, after ${seen.body.length} bytes, with ${seen.code}`),
      }),
    }
  }
  const found = checkResponse(exchange, id, { ...seen, status }, may, traits)
  return { id, what: 'whole', status, ...(found && { wrong: found }) }
}

async function send(stream: ClientHttp2Stream, bytes: Buffer, { manner }: Exchange): Promise<void> {
  if (manner.kind === 'expect' && manner.waits) {
    const first = await Promise.race([
      new Promise((resolve) => stream.once('continue', () => resolve('continued'))),
      new Promise((resolve) => stream.once('response', () => resolve('answered'))),
      new Promise((resolve) => stream.once('close', () => resolve('answered'))),
    ])
    if (first === 'answered') return void stream.end()
  }
  const pieces = manner.kind === 'slow-writing' ? manner.pieces : Math.ceil(bytes.length / CHUNK)
  const size = Math.ceil(bytes.length / pieces) || 1
  for (let at = 0; at < bytes.length; at += size) {
    if (stream.closed || stream.destroyed) return
    stream.write(bytes.subarray(at, at + size))
    if (manner.kind === 'slow-writing') await sleep(manner.pauseMs)
  }
  if (!stream.closed && !stream.destroyed) stream.end()
}

interface Reply {
  readonly status: number | undefined
  readonly headers: ReadonlyMap<string, string>
  readonly body: Buffer
  readonly complete: boolean
  /** Whether the client had cut the connection by then. */
  readonly isCut: boolean
  /** With what the stream was closed. */
  readonly code: number
}

/** @param onProgress told with 0 at the head, and then with the number of pieces of the body */
function read(
  stream: ClientHttp2Stream,
  method: string,
  isGone: () => boolean,
  onProgress: (pieces: number) => void,
): Promise<Reply> {
  return new Promise((resolve) => {
    const pieces: Buffer[] = []
    let head: IncomingHttpHeaders | undefined
    let ended = false
    stream.on('response', (headers) => {
      head = headers
      onProgress(0)
    })
    stream.on('data', (piece: Buffer) => {
      pieces.push(piece)
      onProgress(pieces.length)
    })
    // Node does not always close the stream of an upload that is not wanted any more: its client does.
    stream.on('end', () => {
      ended = true
      setImmediate(() => {
        done()
        stream.close(constants.NGHTTP2_NO_ERROR)
      })
    })
    stream.on('error', () => {})
    stream.on('close', done)

    function done(): void {
      const headers = new Map<string, string>()
      for (const [name, value] of Object.entries(head ?? {})) headers.set(name, String(value))
      const status = head && Number(head[':status'])
      const code = stream.rstCode ?? 0
      const body = Buffer.concat(pieces)
      const length = headers.get('content-length')
      const isAll = method === 'HEAD' || length === undefined || Number(length) === body.length
      const complete = ended && code === 0 && isAll
      resolve({ status, headers, body, complete, code, isCut: isGone() })
    }
  })
}
