import type { HandlerName } from '../handlers.ts'
import { type Visit, visit } from '../plan.ts'

/** Handlers with an error that nobody catches: it ends a process of Node's whatever limits it has. */
const strays: ReadonlySet<HandlerName> = new Set(['stray', 'reject'])

export interface PeerPlan {
  readonly seed: number
  readonly limitMs: number
  readonly strays: boolean
}

/** The visit of that number. */
export function peerVisit({ seed, limitMs, strays: wanted }: PeerPlan, number: number): Visit {
  return visit(seed, number, { limitMs, without: wanted ? new Set() : strays })
}
