import type { Traits } from './expected.ts'
import type { Exchange } from './plan.ts'

/** Where a client goes, and how. */
export interface Trip {
  readonly port: number
  /** Goes before the ids of the requests. */
  readonly prefix: string
  readonly traits: Traits
  /** How long a visit may be silent at first. */
  readonly pauseMs: number
}

/** What a client saw of one request. */
export interface Seen {
  readonly id: string
  /** `left`: it did not wait. `unsent`: its turn never came. */
  readonly what: 'whole' | 'cut' | 'nothing' | 'left' | 'unsent'
  /** Of a response whose head has come. */
  readonly status?: number
  /** What must not have happened. */
  readonly wrong?: Wrong
}

/** What a client must never see. */
export interface Wrong {
  readonly kind: WrongKind
  readonly says: string
}

export type WrongKind =
  | 'no answer'
  | 'waits in vain'
  | 'broken off'
  | 'not the answer that it has to be'
  | 'the body of another answer'
  | 'of another request'
  | 'without what was set outside'
  | 'more than one answer'
  | 'malformed'

export function pathOf({ handler, amount }: Exchange, id: string): string {
  return `/${handler}/${amount}?id=${id}`
}
