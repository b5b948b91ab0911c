import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import fc from 'fast-check'

/** One thing that a handler does with its response. */
export type Step =
  | { do: 'call'; name: string; args: readonly unknown[] }
  | { do: 'set'; name: string; value: unknown }
  | {
      do: 'write' | 'end'
      chunk: Chunk | undefined
      encoding: BufferEncoding | undefined
      callback: Callback
    }
  | { do: 'pipe'; chunks: readonly string[]; end: boolean; waits: boolean }
  | { do: 'look' }
  | { do: 'wait'; for: Wait }

export type Program = readonly Step[]
type Chunk = string | { hex: string } | { bytes: string }
type Callback = 'none' | 'told' | 'awaited'
type Wait = 'microtask' | 'tick' | 'immediate' | 'read'

const named = (name: string, ...args: fc.Arbitrary<unknown>[]): fc.Arbitrary<Step> =>
  fc.tuple(...args).map((args) => ({ do: 'call', name, args }))
const set = (name: string, value: fc.Arbitrary<unknown>): fc.Arbitrary<Step> =>
  value.map((value) => ({ do: 'set', name, value }))

const header = fc.constantFrom(
  'x-one',
  'X-Two',
  'content-type',
  'set-cookie',
  'etag',
  'vary',
  'cache-control',
)
const value = fc.oneof(
  fc.constantFrom('a', 'text/plain', 'b; c', '12'),
  fc.integer({ min: 0, max: 99 }),
  fc.constantFrom(['a', 'b'], ['c']),
)
const status = fc.constantFrom(200, 201, 204, 205, 206, 301, 304, 404, 500, 503)
const reason = fc.constantFrom('Fine', 'Not so fine')
const headers = fc.oneof(
  fc.dictionary(header, fc.constantFrom('d', 'text/html'), { maxKeys: 2 }),
  fc.constantFrom(
    ['x-one', 'e', 'x-one', 'f'],
    ['content-type', 'text/csv'],
    { 'content-length': '3' },
    { 'x-two': ['g', 'h'] },
  ),
)
const text = fc.constantFrom('one', 'two and more', 'ä€😀', '0d0a', 'eA==', '')
const chunk: fc.Arbitrary<Chunk> = fc.oneof(
  text,
  text.map((hex) => ({ hex: Buffer.from(hex).toString('hex') })),
  text.map((bytes) => ({ bytes })),
)
const encoding = fc.option(fc.constantFrom<BufferEncoding>('utf8', 'latin1', 'hex', 'base64', 'utf16le'), {
  nil: undefined,
})
const callback = fc.constantFrom<Callback>('none', 'none', 'told', 'awaited')

const writing: fc.Arbitrary<Step> = fc.record({
  do: fc.constant('write' as const),
  chunk,
  encoding,
  callback,
})
const ending: fc.Arbitrary<Step> = fc.record({
  do: fc.constant('end' as const),
  chunk: fc.option(chunk, { nil: undefined }),
  encoding,
  callback,
})

const waiting = (['microtask', 'tick', 'immediate', 'read'] as const).map(
  (what) => ({ do: 'wait', for: what }) as const,
)

const common: fc.WeightedArbitrary<Step>[] = [
  { weight: 3, arbitrary: named('setHeader', header, value) },
  { weight: 1, arbitrary: named('setHeader', fc.constant('content-length'), fc.constantFrom(3, '12', 0)) },
  { weight: 1, arbitrary: named('removeHeader', header) },
  { weight: 1, arbitrary: set('statusCode', status) },
  { weight: 1, arbitrary: named('writeHead', status) },
  { weight: 1, arbitrary: named('writeHead', status, headers) },
  { weight: 6, arbitrary: writing },
  { weight: 3, arbitrary: ending },
  {
    weight: 1,
    arbitrary: named('addTrailers', fc.constantFrom({ 'x-trailer': 'last' }, [['x-other', 'last']])),
  },
  { weight: 1, arbitrary: named('flushHeaders') },
  { weight: 1, arbitrary: named('writeContinue') },
  { weight: 1, arbitrary: named('writeEarlyHints', fc.constant({ link: '</a.css>; rel=preload' })) },
  { weight: 3, arbitrary: fc.constantFrom(...waiting) },
  { weight: 2, arbitrary: fc.constant({ do: 'look' } as const) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('pipe' as const),
      chunks: fc.array(fc.constantFrom('p', 'quite a bit', 'ß'), { maxLength: 3 }),
      end: fc.boolean(),
      waits: fc.boolean(),
    }),
  },
]

const ofHttp1: fc.WeightedArbitrary<Step>[] = [
  { weight: 1, arbitrary: named('appendHeader', header, fc.constantFrom('z', ['y', 'x'])) },
  {
    weight: 1,
    arbitrary: named('setHeaders', fc.constantFrom(new Map([['x-map', 'm']]), new Headers({ 'x-h': 'h' }))),
  },
  { weight: 1, arbitrary: set('statusMessage', reason) },
  { weight: 1, arbitrary: named('writeHead', status, reason) },
  { weight: 1, arbitrary: named('writeHead', status, reason, headers) },
  { weight: 1, arbitrary: named('writeProcessing') },
  { weight: 1, arbitrary: named('cork') },
  { weight: 1, arbitrary: named('uncork') },
  { weight: 1, arbitrary: set('sendDate', fc.boolean()) },
  { weight: 1, arbitrary: set('shouldKeepAlive', fc.boolean()) },
  { weight: 1, arbitrary: set('strictContentLength', fc.constant(true)) },
  { weight: 1, arbitrary: set('useChunkedEncodingByDefault', fc.constant(false)) },
  {
    weight: 1,
    arbitrary: named(
      'setHeader',
      fc.constantFrom('connection', 'transfer-encoding'),
      fc.constantFrom('close', 'keep-alive', 'chunked'),
    ),
  },
  { weight: 1, arbitrary: named('setHeader', fc.constant('x bad'), fc.constant('v')) },
  { weight: 1, arbitrary: named('write', fc.constantFrom(null, 12, undefined)) },
]

const informing = new Set(['writeContinue', 'writeProcessing', 'writeEarlyHints'])

const programOf = (steps: fc.WeightedArbitrary<Step>[]): fc.Arbitrary<Program> =>
  fc.array(fc.oneof(...steps), { maxLength: 9 })

export const programOfHttp1: fc.Arbitrary<Program> = programOf([...common, ...ofHttp1])
/** Without what Node writes in the wrong order before its turn has come: bytes, whose head it puts before all that waits. */
export const programOfPipeline: fc.Arbitrary<Program> = programOfHttp1.map((program) =>
  program.some((step) => (step.do === 'write' || step.do === 'end') && !isText(step.chunk, step.encoding))
    ? program.filter((step) => step.do !== 'call' || !informing.has(step.name))
    : program,
)

function isText(chunk: Chunk | undefined, encoding: BufferEncoding | undefined): boolean {
  return typeof chunk !== 'object' && (encoding === undefined || encoding === 'utf8' || encoding === 'latin1')
}

/** Without what HTTP/2 refuses when it comes to send it, and up to the end, after which Node resets a stream. */
export const programOfHttp2: fc.Arbitrary<Program> = programOf(common).map((program) => {
  const end = program.findIndex((step) => step.do === 'end' || (step.do === 'pipe' && step.end))
  const upToEnd = end < 0 ? program : program.slice(0, end + 1)
  return upToEnd.filter((step) => {
    // Node 20 sends what happened to be in memory when there are empty chunks among others.
    if (step.do === 'write' || step.do === 'end') return step.chunk === undefined || lengthOf(step.chunk) > 0
    return step.do !== 'call' || !step.args.some(Array.isArray)
  })
})

/** What leaves a well-formed response, however far it comes. */
const harmless = new Set(['setHeader', 'removeHeader', 'flushHeaders', 'writeEarlyHints'])
export const programOfEndings: fc.Arbitrary<Program> = fc
  .array(fc.oneof(...common), { maxLength: 5 })
  .map((program) =>
    program.filter((step) => {
      // Node counts on base64 being some.
      if (step.do === 'write' || step.do === 'end') return step.encoding !== 'base64'
      if (step.do === 'set') return step.value === 200 || step.value === 404
      return step.do !== 'call' || (harmless.has(step.name) && step.args[0] !== 'content-length')
    }),
  )

/** What a handler saw: what its calls came back with, and what it was told. */
export interface Seen {
  readonly results: string[]
  readonly events: string[]
  /** A guard looks at a response a moment after it has ended, so these are at places of their own. */
  readonly errors: string[]
  readonly pipes: string[]
  readonly writes: string[]
}

/** Does what the program says, whatever comes of it, and ends the response if it has not. */
export async function execute(
  program: Program,
  request: IncomingMessage,
  response: ServerResponse,
  seen: Seen,
  isToEnd = true,
): Promise<void> {
  const { results, events, errors, pipes, writes } = seen
  for (const name of ['finish', 'close']) response.on(name, () => events.push(name))
  for (const name of ['pipe', 'unpipe']) response.on(name, () => pipes.push(name))
  response.on('error', (error: NodeJS.ErrnoException) => {
    // Node says it as long as the response is not closed, which may be a moment later.
    if (error.code !== 'ERR_STREAM_WRITE_AFTER_END') errors.push(`error ${error.code}`)
  })
  const attempt = (what: string, work: () => unknown): void => {
    try {
      results.push(`${what} ${kind(work(), response)}`)
    } catch (error) {
      results.push(`${what} threw ${(error as NodeJS.ErrnoException).code ?? error}`)
    }
  }
  let calls = 0
  let isPiped = false
  for (const step of program) {
    if (step.do === 'wait') await waits[step.for](request)
    else if (step.do === 'look') results.push(look(response))
    else if (step.do === 'set' && step.name === 'strictContentLength' && isPiped) continue
    else if (step.do === 'set')
      attempt(`set ${step.name}`, () => Reflect.set(response, step.name, step.value))
    else if (isUnlucky(step, response)) continue
    else if (step.do === 'call') attempt(step.name, () => call(response, step.name, step.args))
    else if (step.do === 'pipe') {
      // A matter of luck in Node is what comes first, the end or a chunk; and one that is too long nobody can catch.
      if (response.writableEnded || response.strictContentLength) continue
      isPiped = true
      const source = Readable.from(step.chunks)
      source.on('error', (error: NodeJS.ErrnoException) => events.push(`source ${error.code}`))
      const ended = new Promise((resolve) => source.once('end', resolve))
      source.pipe(response, { end: step.end })
      if (step.waits) await Promise.race([ended, some(immediate)])
    } else {
      const number = calls++
      const isSecond = step.do === 'end' && response.writableEnded
      const called = new Promise<void>((resolve) => {
        const callback = (error?: NodeJS.ErrnoException | null): void => {
          const told = `${step.do} ${number} ${error?.code ?? 'done'}`
          // What it says to an end after the end depends on whether the first one was fast.
          if (isSecond) return resolve()
          writes.push(told)
          resolve()
        }
        // Anything else in hex ends the process, in Node itself.
        const encoding = step.encoding === 'hex' && step.chunk !== '0d0a' ? undefined : step.encoding
        const args = [chunkOf(step.chunk), encoding, ...(step.callback === 'none' ? [] : [callback])]
        while (args.length > 0 && args.at(-1) === undefined) args.pop()
        attempt(step.do, () =>
          call(
            response,
            step.do,
            args.filter((arg, index) => index === 0 || arg !== undefined),
          ),
        )
      })
      if (step.callback === 'awaited') await Promise.race([called, some(immediate)])
    }
  }
  if (!isToEnd) return
  await some(immediate)
  if (!response.writableEnded) attempt('last end', () => response.end())
  if (!response.writableEnded && response.strictContentLength) {
    response.strictContentLength = false
    attempt('lenient end', () => response.end())
  }
}

/**
 * Once a response has ended, Node corks pipelines for good, and sends informational responses if it has not noticed the end.
 * A guard does neither.
 */
function isUnlucky(step: Step, response: ServerResponse): boolean {
  if (step.do !== 'call' || !response.writableEnded) return false
  return step.name === 'cork' || informing.has(step.name)
}

const immediate = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

async function some(wait: () => Promise<void>): Promise<void> {
  for (let i = 0; i < 5; i++) await wait()
}

const waits: Record<Wait, (request: IncomingMessage) => Promise<unknown> | undefined> = {
  microtask: () => Promise.resolve(),
  tick: () => new Promise<void>((resolve) => process.nextTick(resolve)),
  immediate,
  async read(request) {
    try {
      for await (const _ of request);
    } catch {}
  },
}

function call(response: ServerResponse, name: string, args: readonly unknown[]): unknown {
  return (Reflect.get(response, name) as (...args: unknown[]) => unknown).apply(
    response,
    // Node adds to the arrays that it is given.
    args.map((arg) => (Array.isArray(arg) ? [...arg] : arg)),
  )
}

function chunkOf(chunk: Chunk | undefined): unknown {
  if (chunk === undefined || typeof chunk === 'string') return chunk
  if ('hex' in chunk) return Buffer.from(chunk.hex, 'hex')
  return new Uint8Array(Buffer.from(chunk.bytes))
}

function lengthOf(chunk: Chunk): number {
  return typeof chunk === 'string' ? chunk.length : Object.values(chunk)[0]!.length
}

function kind(result: unknown, response: ServerResponse): string {
  return result === response ? 'itself' : typeof result === 'object' ? 'object' : String(result)
}

function look(response: ServerResponse): string {
  const { headersSent, writableEnded, statusCode, statusMessage, finished } = response
  const headers = response.getHeaders()
  return JSON.stringify({ headersSent, writableEnded, statusCode, statusMessage, finished, headers })
}
