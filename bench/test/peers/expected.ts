import { readFileSync } from 'node:fs'

export type Answer = boolean | 'n/a'

/** Each peer's script, by what its column is called: a name, and the package that it has its version from. */
const columns = {
  curfew: [['Curfew'], ['Hono', 'hono']],
  'curfew-express': [['Curfew'], ['Express', 'express']],
  'hono-timeout': [
    ['hono/timeout', 'hono'],
    ['node-server', '@hono/node-server'],
  ],
  'connect-timeout': [
    ['connect-timeout', 'connect-timeout'],
    ['Express', 'express'],
  ],
  'express-timeout-handler': [
    ['express-timeout-handler', 'express-timeout-handler'],
    ['Express', 'express'],
  ],
  fastify: [['Fastify `handlerTimeout`', 'fastify']],
  hapi: [['hapi `timeout.server`', '@hapi/hapi']],
} as const satisfies Record<string, readonly (readonly [name: string, fromPackage?: string])[]>

export type Peer = keyof typeof columns

export const peers = Object.keys(columns) as Peer[]

/** What is asked, in the order of the table. */
export const questions = {
  onTime: 'Answers at the deadline, also when the handler ignores it',
  onTimeAfterBody: '… and after the body of a POST has been read',
  signal: "Aborts the handler's signal at the deadline",
  typedReason: '… with a typed Error that has a stable code',
  isolated: 'Keeps headers and cookies of the late handler out of the timeout reply',
  survivesAnswer: 'The process survives a late answer from an async handler',
  survivesCallbackAnswer: '… and from a callback',
  survivesCallbackHeader: '… and a late header from a callback',
  survivesThrow: 'The process survives a late throw from an async handler',
  oneError: "… and the app's error handler has run once at most",
  longer: 'A route can lengthen the limit that is set for all',
  off: '… and switch it off',
  clientSignal: "A client that leaves aborts the handler's signal, with an Error other than the deadline's",
  clientRecorded: '… and is recorded as that, not as a timeout or an error',
  bodyCancelled: 'Cancels the body of a late response',
  counted: 'Counts the handlers that still run after their request has ended',
} as const

export type Question = keyof typeof questions

const [yes, no, none] = [true, false, 'n/a'] as const

/** What the tests hold each peer to, a row in the order of {@link peers}. A peer that improves fails its test. */
const rows: Record<Question, readonly Answer[]> = {
  onTime: [yes, yes, yes, yes, yes, yes, yes],
  onTimeAfterBody: [yes, yes, yes, yes, yes, no, yes],
  signal: [yes, yes, no, no, no, yes, no],
  typedReason: [yes, yes, no, no, no, yes, no],
  isolated: [yes, yes, no, no, no, no, no],
  survivesAnswer: [yes, yes, yes, yes, yes, yes, yes],
  survivesCallbackAnswer: [none, yes, none, no, yes, yes, none],
  survivesCallbackHeader: [none, yes, none, no, no, yes, none],
  survivesThrow: [yes, yes, yes, yes, yes, yes, yes],
  oneError: [yes, yes, no, yes, yes, yes, yes],
  longer: [yes, yes, no, yes, yes, yes, yes],
  off: [yes, yes, no, yes, no, no, yes],
  clientSignal: [yes, yes, no, no, no, yes, no],
  clientRecorded: [yes, yes, no, no, no, yes, yes],
  bodyCancelled: [yes, none, no, none, none, no, yes],
  counted: [yes, yes, no, no, no, no, no],
}

export function expected(question: Question, peer: Peer): Answer {
  return rows[question][peers.indexOf(peer)]!
}

/** What a yes or a no alone would leave out; the tests show these as well. */
export const remarks = {
  postSignal: {
    at: [
      ['onTimeAfterBody', 'fastify'],
      ['clientSignal', 'fastify'],
    ],
    text: 'Once the body of a POST has been read, the signal is aborted although the client still waits.',
  },
  documentedOnError: {
    at: [['isolated', 'hono-timeout']],
    text: "With Hono's default error handler; one that returns `error.getResponse()` leaves headers out.",
  },
  toolkitCookie: {
    at: [['isolated', 'hapi']],
    text: 'Cookies of `h.state()` are in the reply; headers of the response that comes too late are not.',
  },
  except: {
    at: [
      ['longer', 'hono-timeout'],
      ['off', 'hono-timeout'],
    ],
    text: 'Only where the limit is set, by `except()` of `hono/combine`, not by the route.',
  },
  nodeSignal: {
    at: [
      ['clientSignal', 'connect-timeout'],
      ['clientSignal', 'express-timeout-handler'],
      ['clientSignal', 'hapi'],
    ],
    text: "Node's own `req.signal`, which there is from Node.js 24 on, does.",
  },
} as const satisfies Record<string, { at: readonly (readonly [Question, Peer])[]; text: string }>

export type Remark = keyof typeof remarks

/** The table of the README, with the versions that are installed. */
export function peersTable(): string {
  const header = ['', ...peers.map(title)]
  const body = Object.entries(questions).map(([question, text]) => [
    text,
    ...peers.map((peer) => cell(question as Question, peer)),
  ])
  const lines = [header, header.map((_, i) => (i === 0 ? '---' : ':-:')), ...body].map(
    (cells) => `| ${cells.join(' | ')} |`,
  )
  const footnotes = Object.values(remarks).map(({ text }, i) => `${i + 1}. ${text}`)
  return [...lines, '', ...footnotes].join('\n')
}

function title(peer: Peer): string {
  const parts: readonly (readonly [name: string, fromPackage?: string])[] = columns[peer]
  return parts.map(([name, of]) => (of ? `${name} ${versionOf(of)}` : name)).join('<br>')
}

function cell(question: Question, peer: Peer): string {
  const answer = expected(question, peer)
  const word = answer === 'n/a' ? answer : answer ? 'yes' : 'no'
  const numbers = Object.values(remarks).flatMap(({ at }, i) =>
    at.some(([q, p]) => q === question && p === peer) ? [i + 1] : [],
  )
  return numbers.length > 0 ? `${word} <sup>${numbers.join(', ')}</sup>` : word
}

function versionOf(name: string): string {
  const manifest = new URL(`../../node_modules/${name}/package.json`, import.meta.url)
  return JSON.parse(readFileSync(manifest, 'utf8')).version
}
