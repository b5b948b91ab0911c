import { setTimeout as sleep } from 'node:timers/promises'
import { type RawClient, type RawResponse, rawClient } from '@curfew/conformance/clients'
import { checkResponse, uploadBody, wrong } from './check-response.ts'
import { type Allowed, allowed, type Traits } from './expected.ts'
import { garbage } from './garbage.ts'
import { breaking, type Exchange, type Stage, type Visit, type Way } from './plan.ts'
import { pathOf, type Seen, type Trip, type Wrong } from './trip.ts'

const HOST = '127.0.0.1'
/** What a client of a chunked body sends at once. */
const CHUNK = 8_192
/** How long a client waits for the `100 Continue` that need not come, in milliseconds. */
const CONTINUE_MS = 1_000

/** Visits a server over HTTP/1.1, and says what it saw of each request. */
export async function visitHttp1(visit: Visit, { port, prefix, traits, pauseMs }: Trip): Promise<Seen[]> {
  const idOf = ({ number }: Exchange): string => `${prefix}${visit.number}.${number}`
  const seen: Seen[] = []
  const client = await rawClient({ host: HOST, port })
  try {
    await sleep(visit.pause * pauseMs)
    if (visit.pipelined) await pipeline()
    else await oneByOne()
    await lookForMore()
  } finally {
    client.destroy()
  }
  for (const exchange of visit.exchanges.slice(seen.length)) {
    seen.push({ id: idOf(exchange), what: 'unsent' })
  }
  return seen

  async function oneByOne(): Promise<void> {
    let mayEnd = false
    for (const exchange of visit.exchanges) {
      const { goesOn, ...one } = await converse(client, exchange, idOf(exchange), traits)
      // A server that has not read a body closes the connection if the rest of it does not come soon.
      seen.push(mayEnd && one.what === 'nothing' ? { id: one.id, what: 'unsent' } : one)
      if (!goesOn) return
      mayEnd = exchange.body !== undefined && (exchange.handler !== 'upload' || one.status !== 200)
    }
  }

  async function pipeline(): Promise<void> {
    const { exchanges } = visit
    const last = exchanges.at(-1)!
    const polite = last.manner.kind === 'leave' ? exchanges.slice(0, -1) : exchanges
    const text = polite.map((exchange) => whole(exchange, idOf(exchange)))
    await client.send(Buffer.concat(text.flat()))
    // Whoever leaves may leave before the first answer.
    if (last.manner.kind === 'leave' && last.manner.afterMs % 2 === 0) {
      for (const exchange of polite) seen.push({ id: idOf(exchange), what: 'left' })
      const { goesOn: _, ...one } = await converse(client, last, idOf(last), traits)
      seen.push(one)
      return
    }
    let closes = false
    for (const exchange of polite) {
      if (closes) return
      const { goesOn, ...one } = await answer(client, exchange, idOf(exchange), traits, !traits.pipelines)
      seen.push(one)
      closes = !goesOn
    }
    if (closes || last === polite.at(-1)) return
    const { goesOn: _, ...one } = await converse(client, last, idOf(last), traits)
    seen.push(one)
  }

  /** After the last response there is nothing more. */
  async function lookForMore(): Promise<void> {
    const last = seen.at(-1)
    if (last?.what !== 'whole' || last.wrong) return
    client.fin()
    const rest = await client.rest().then(String, (error) => `none, and no end: ${error.message}`)
    const mayRefuse = visit.exchanges[seen.length - 1]!.manner.kind
    if (rest === '' || (breaking.has(mayRefuse) && isRefusal(rest))) return
    seen[seen.length - 1] = {
      ...last,
      wrong: wrong('more than one answer', JSON.stringify(rest.slice(0, 200))),
    }
  }
}

function isRefusal(text: string): boolean {
  return /^HTTP\/1\.1 4\d\d .*\r\n\r\n/s.test(text)
}

type Said = Seen & { readonly goesOn?: boolean }

/** Sends one request in its manner, and waits for what comes of it. */
async function converse(client: RawClient, exchange: Exchange, id: string, traits: Traits): Promise<Said> {
  const { manner } = exchange
  switch (manner.kind) {
    case 'garbage':
      await client.send(garbage[manner.which]!.send(pathOf(exchange, id)))
      return ended(answer(client, exchange, id, traits))
    case 'leave':
      return leave(client, exchange, id, manner)
    case 'slow-writing': {
      const bytes = Buffer.concat(whole(exchange, id))
      const size = Math.ceil(bytes.length / manner.pieces)
      for (let at = 0; at < bytes.length; at += size) {
        if (at > 0) await sleep(manner.pauseMs)
        await client.send(bytes.subarray(at, at + size))
      }
      return answer(client, exchange, id, traits)
    }
    case 'slow-reading': {
      client.pause()
      await client.send(Buffer.concat(whole(exchange, id)))
      await sleep(manner.pauseMs)
      client.resume()
      return answer(client, exchange, id, traits)
    }
    case 'expect':
      return expectContinue(client, exchange, id, traits, manner.waits)
    case 'half-close':
      await client.send(Buffer.concat(whole(exchange, id)))
      client.fin()
      return ended(answer(client, exchange, id, traits))
    case 'short-body': {
      const { bytes } = exchange.body!
      const sent = framed(exchange, id)
      await client.send(
        Buffer.concat([head(exchange, id), sent.subarray(0, sent.length - Math.min(bytes, 15))]),
      )
      if (manner.by === 'RST') {
        client.reset()
        return { id, what: 'left' }
      }
      client.fin()
      return ended(answer(client, exchange, id, traits))
    }
    case 'long-body':
      await client.send(Buffer.concat([...whole(exchange, id), Buffer.from('and more\r\n\r\n')]))
      return ended(answer(client, exchange, id, traits))
    case 'bad-chunk':
      await client.send(
        Buffer.concat([head(exchange, id), Buffer.from('5\r\nhello\r\nzz\r\nhello\r\n0\r\n\r\n')]),
      )
      return ended(answer(client, exchange, id, traits))
    case 'polite':
      await client.send(Buffer.concat(whole(exchange, id)))
      return answer(client, exchange, id, traits)
  }
}

async function ended(said: Promise<Said>): Promise<Said> {
  return { ...(await said), goesOn: false }
}

async function leave(
  client: RawClient,
  exchange: Exchange,
  id: string,
  { at, by, afterMs }: { at: Stage; by: Way; afterMs: number },
): Promise<Said> {
  const go = (): void => (by === 'FIN' ? client.destroy() : client.reset())
  const bytes = Buffer.concat(whole(exchange, id))
  const headBytes = head(exchange, id).length
  if (at === 'in the head' || at === 'in the body') {
    const share = 0.1 + 0.8 * ((afterMs % 10) / 10)
    const upTo = at === 'in the head' ? headBytes * share : headBytes + (bytes.length - headBytes) * share
    await client.send(bytes.subarray(0, Math.floor(upTo)))
    await sleep(afterMs)
    go()
    return { id, what: 'left' }
  }
  // Whoever gets more than he can take does not even look at it.
  if (exchange.handler === 'firehose') client.pause()
  await client.send(bytes)
  if (at === 'while it is handled' || exchange.handler === 'firehose') {
    await sleep(afterMs)
    go()
    return { id, what: 'left' }
  }
  let status: number | undefined
  let found: Wrong | undefined
  await client
    .response({
      method: exchange.method,
      onHead: (seen) => {
        status = seen.status
        if (at === 'after the head') go()
      },
      onBody: (count) => {
        if (count > 100) go()
      },
    })
    .catch((error) => {
      if (error.message.startsWith('malformed')) found = wrong('malformed', error.message)
    })
  go()
  return { id, what: 'left', ...(status && { status }), ...(found && { wrong: found }) }
}

async function expectContinue(
  client: RawClient,
  exchange: Exchange,
  id: string,
  traits: Traits,
  waits: boolean,
): Promise<Said> {
  await client.send(head(exchange, id))
  let goAhead = (): void => {}
  const continued = new Promise<'continued'>((resolve) => {
    goAhead = () => resolve('continued')
  })
  const answered = answer(client, exchange, id, traits, false, goAhead)
  if (waits) {
    const timer = new AbortController()
    const timeUp = sleep(CONTINUE_MS, 'in vain', { signal: timer.signal }).catch(() => 'in vain')
    const first = await Promise.race([continued, answered.then(() => 'answered'), timeUp])
    timer.abort()
    // Then the body is not wanted; its place in the connection is, so there is no next request.
    if (first === 'answered') return ended(answered)
  }
  await client.send(framed(exchange, id))
  return answered
}

/** The response, and whether it is what it may be. */
async function answer(
  client: RawClient,
  exchange: Exchange,
  id: string,
  traits: Traits,
  mayEnd = false,
  onInformational: () => void = () => {},
): Promise<Said> {
  const may = allowed(exchange, traits)
  let status: number | undefined
  let response: RawResponse
  try {
    response = await client.response({
      method: exchange.method,
      onInformational,
      onHead: (seen) => {
        status = seen.status
      },
    })
  } catch (error) {
    return { ...unread(error as Error, id, may, mayEnd), ...(status && { status }), goesOn: false }
  }
  const { complete, headers } = response
  if (!complete) {
    const isRefused =
      exchange.manner.kind !== 'garbage' ||
      garbage[exchange.manner.which]!.tolerated ||
      may.statuses.has(response.status)
    const isFine = (may.cut && isRefused) || mayEnd
    return {
      id,
      what: 'cut',
      status: response.status,
      goesOn: false,
      ...(!isFine && {
        wrong: wrong('broken off', `${response.status}, after ${response.body.length} bytes`),
      }),
    }
  }
  const found = checkResponse(exchange, id, response, may, traits)
  const goesOn = headers.get('connection') !== 'close'
  return {
    id,
    what: 'whole',
    status: response.status,
    ...(found && { wrong: found }),
    goesOn: goesOn && !found,
  }
}

/** Where there is no response that could be read. */
function unread({ message }: Error, id: string, may: Allowed, mayEnd: boolean): Seen {
  if (message.startsWith('no response')) {
    const isFine = may.nothing || mayEnd
    return { id, what: 'nothing', ...(!isFine && { wrong: wrong('no answer', message) }) }
  }
  if (message.startsWith('truncated head')) {
    return { id, what: 'cut', ...(!may.cut && { wrong: wrong('broken off', message) }) }
  }
  const kind = message.startsWith('malformed') ? 'malformed' : 'waits in vain'
  return { id, what: 'nothing', wrong: wrong(kind, message) }
}

// --- what is sent ---------------------------------------------------------------------------------------------------

function head(exchange: Exchange, id: string): Buffer {
  const { method, body, deadline, manner } = exchange
  const lines = [`${method} ${pathOf(exchange, id)} HTTP/1.1`, `Host: ${HOST}`]
  if (deadline) lines.push(`${deadline.header}: ${deadline.value}`)
  if (manner.kind === 'expect') lines.push('Expect: 100-continue')
  if (body) lines.push('Content-Type: application/octet-stream')
  if (body?.framing === 'length') lines.push(`Content-Length: ${body.bytes}`)
  if (body?.framing === 'chunked') lines.push('Transfer-Encoding: chunked')
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`)
}

/** The body as it goes on the wire. */
function framed(exchange: Exchange, id: string): Buffer {
  const bytes = uploadBody(id, exchange.body?.bytes ?? 0)
  if (exchange.body?.framing !== 'chunked') return bytes
  const pieces: Buffer[] = []
  for (let at = 0; at < bytes.length; at += CHUNK) {
    const piece = bytes.subarray(at, at + CHUNK)
    pieces.push(Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n'))
  }
  return Buffer.concat([...pieces, Buffer.from('0\r\n\r\n')])
}

function whole(exchange: Exchange, id: string): Buffer[] {
  return [head(exchange, id), framed(exchange, id)]
}
