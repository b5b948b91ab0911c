import { contain } from '@curfew/node'
import type { Kit } from '../kit.ts'

/** What nobody catches is charged to its request; what is no request's is in the books. */
export function contained(kit: Kit): void {
  contain({ unclaimed: 'keep', onUnclaimed: (error) => kit.uncaught(error) })
}
