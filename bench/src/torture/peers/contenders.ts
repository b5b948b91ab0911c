import type { Traits } from '../expected.ts'
import { traits } from '../targets.ts'

/** Who is compared, with what: each peer with Curfew in the same framework, and handlers of the same kind. */
export interface Contender {
  readonly module: string
  readonly traits: Traits
  readonly isCurfew: boolean
}

/** Two that have the same app. */
export interface Pair {
  readonly peer: Contender
  readonly curfew: Contender
  /** What the peer is called, and the packages whose versions matter. */
  readonly title: string
  readonly packages: readonly string[]
}

const held: Traits = { ...traits, held: true }
const sent: Traits = { ...traits, contains: false, readsDeadlines: false, tellsDelivery: false }

const peer = (module: string): Contender => ({ module: `peers/${module}`, traits: sent, isCurfew: false })
const curfew = (module: string, traits: Traits): Contender => ({ module, traits, isCurfew: true })

/** By what `--against` is told. */
export const pairs: Readonly<Record<string, Pair>> = {
  hono: {
    peer: peer('hono-timeout'),
    curfew: curfew('hono', traits),
    title: 'hono/timeout',
    packages: ['hono', '@hono/node-server'],
  },
  'connect-timeout': {
    peer: peer('connect-timeout'),
    curfew: curfew('express', held),
    title: 'connect-timeout, promises',
    packages: ['connect-timeout', 'express'],
  },
  'connect-timeout-callbacks': {
    peer: peer('connect-timeout-callbacks'),
    curfew: curfew('peers/curfew-callbacks', held),
    title: 'connect-timeout, callbacks',
    packages: ['connect-timeout', 'express'],
  },
  fastify: {
    peer: peer('fastify-timeout'),
    curfew: curfew('fastify', held),
    title: 'Fastify `handlerTimeout`, bodies as streams',
    packages: ['fastify'],
  },
  'fastify-parsed': {
    peer: peer('fastify-timeout-parsed'),
    curfew: curfew('peers/curfew-fastify-parsed', held),
    title: 'Fastify `handlerTimeout`, bodies parsed',
    packages: ['fastify'],
  },
}
