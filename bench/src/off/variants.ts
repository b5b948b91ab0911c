import type { GuardOptions } from '@curfew/core'
import type { CoreName } from './cores.ts'

/** A process, and what there is in it. */
export interface Variant {
  /** What it is compared with: the same without that. */
  readonly base: VariantName
  /** One that was made of the sources (default: the one that users have). */
  readonly core?: CoreName
  readonly options?: GuardOptions
  /** What else is imported. */
  readonly imports?: readonly string[]
  /** Whether handlers had an async context of their own before, and have no more. */
  readonly wasEntered?: boolean
  /** Whether there is another guard, with everything on. */
  readonly hasNeighbour?: boolean
}

/** What can be said to be off. As users do, it says `undefined`, too. */
const saidToBeOff = {
  exposeErrors: false,
  serverTiming: false,
  rethrow: false,
  buffer: false,
  streamIdleMs: false,
  streamTotalMs: false,
  watch: 'lazy',
  malformedInbound: 'ignore',
  maxConcurrent: Number.POSITIVE_INFINITY,
  maxAbandoned: Number.POSITIVE_INFINITY,
  timeoutResponse: undefined,
  failureResponse: undefined,
  rejectionResponse: undefined,
  inbound: undefined,
  receivedAt: undefined,
  outbound: undefined,
  onShedding: undefined,
  shutdown: undefined,
  onOutcome: undefined,
  onLateSettlement: undefined,
  reporter: undefined,
  waitUntil: undefined,
}

/** All that can be imported without anything being on. */
const imported = ['core/report', 'core/retry', 'core/testing', 'core/adapter', 'hooks']

const byName = {
  'a guard': variant('a guard'),
  'the same once more': variant('a guard'),
  'everything said to be off': variant('a guard', { options: saidToBeOff as object }),
  'everything imported': variant('a guard', { imports: imported.map((name) => `@curfew/${name}`) }),
  'currentScope() on, and off again': variant('a guard', { wasEntered: true }),
  'another guard has everything on': variant('a guard', { hasNeighbour: true }),
  'currentScope() on': variant('a guard', { imports: ['@curfew/core/context'] }),
  'made of the sources': variant('a guard', { core: 'whole' }),
  'nothing but the race': variant('made of the sources', { core: 'race' }),
  'one closure more': variant('made of the sources', { core: 'closure' }),
}

export type VariantName =
  | 'a guard'
  | 'the same once more'
  | 'everything said to be off'
  | 'everything imported'
  | 'currentScope() on, and off again'
  | 'another guard has everything on'
  | 'currentScope() on'
  | 'made of the sources'
  | 'nothing but the race'
  | 'one closure more'

export const variants: Readonly<Record<VariantName, Variant>> = byName

function variant(base: VariantName, more: Omit<Variant, 'base'> = {}): Variant {
  return { base, ...more }
}
