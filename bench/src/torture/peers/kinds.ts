import type { Wrong } from './peer-client.ts'
import type { Death } from './supervise.ts'

/** What has to hold for a request, by the name of what is wrong where it does not. */
export const kinds = {
  died: 'Nobody loses a request because the process has died',
  unanswered: 'Whoever waits has an answer, within 10 s',
  closed: 'No connection is closed instead of an answer',
  cut: 'Responses come whole',
  malformed: 'They are well-formed, and one each',
  foreign: "They are the request's own",
  status: 'A timeout is answered as one, and so are errors and successes',
  behind: 'A response is not broken off because the one behind it in a pipeline has failed',
  stopped: 'A stream that has stopped is broken off, within 10 s',
} as const

/** The last ones are promised by no peer. */
export const promised = Object.keys(kinds).slice(0, -2) as Kind[]

export type Kind = keyof typeof kinds

/** So long before a process says that it dies, it may already have done nothing for its clients, in milliseconds. */
const DYING_MS = 5

const names: Readonly<Record<Wrong['kind'], Kind>> = {
  'no connection': 'closed',
  'no answer': 'closed',
  'waits in vain': 'unanswered',
  'broken off': 'cut',
  malformed: 'malformed',
  'more than one answer': 'malformed',
  'of another request': 'foreign',
  'the body of another answer': 'foreign',
  'without what was set outside': 'foreign',
  'not the answer that it has to be': 'status',
}

export function kindOf({ kind, handler, breaksBehind, from, to }: Wrong, deaths: readonly Death[]): Kind {
  const name = names[kind]
  const isGone = name === 'closed' || name === 'cut'
  if (isGone && deaths.some((death) => from <= death.to && to >= death.from - DYING_MS)) return 'died'
  if (isGone && breaksBehind) return 'behind'
  return name === 'unanswered' && handler?.startsWith('stuck') ? 'stopped' : name
}
