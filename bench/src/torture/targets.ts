import type { Traits } from './expected.ts'
import type { HandlerName } from './handlers.ts'

/** A server that is tortured. */
export interface Target {
  /** Of what runs it: `node`, `bun` or `deno`. */
  readonly runtime: string
  /** The module in `targets/`. */
  readonly module: string
  readonly protocol: 'http/1.1' | 'h2c'
  readonly traits: Traits
  /** Handlers that it is not asked for, as nothing contains them. */
  readonly without: readonly HandlerName[]
}

const onNode = { runtime: 'node', protocol: 'http/1.1', without: [] } as const
export const traits: Traits = {
  held: false,
  contains: true,
  outside: [200, 204, 500, 503, 504],
  pipelines: true,
  strict: true,
  tellsDelivery: true,
  timeoutStatus: 503,
  problems: true,
  readsDeadlines: true,
  sends499: false,
}

// Nothing contains a crash there, and of what becomes of a response they tell little: docs/runtimes.md.
const elsewhere = { protocol: 'http/1.1', without: ['stray', 'reject'] } as const
const traitsElsewhere: Traits = {
  ...traits,
  contains: false,
  outside: [200, 204],
  strict: false,
  tellsDelivery: false,
}

/** Those of our own, by name. */
export const targets: Readonly<Record<string, Target>> = {
  listener: { ...onNode, module: 'listener', traits: { ...traits, held: true } },
  serve: { ...onNode, module: 'serve', traits: { ...traits, outside: [200, 204] } },
  hono: { ...onNode, module: 'hono', traits },
  express: { ...onNode, module: 'express', traits: { ...traits, held: true } },
  // Koa takes away all headers where it answers an error.
  koa: { ...onNode, module: 'koa', traits: { ...traits, held: true, outside: [200, 204, 503, 504] } },
  h2: { ...onNode, module: 'h2', protocol: 'h2c', traits: { ...traits, outside: [200, 204] } },
  'h2-listener': { ...onNode, module: 'h2-listener', protocol: 'h2c', traits: { ...traits, held: true } },
  fastify: { ...onNode, module: 'fastify', traits: { ...traits, held: true } },
  bun: { ...elsewhere, runtime: 'bun', module: 'bun', traits: { ...traitsElsewhere, pipelines: false } },
  deno: { ...elsewhere, runtime: 'deno', module: 'deno', traits: { ...traitsElsewhere, sends499: true } },
}
