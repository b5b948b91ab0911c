import type { Runtime } from './runtimes.ts'

/** How much is measured. */
export interface Plan {
  readonly runtimes: readonly Runtime[]
  readonly rounds: number
  /** How long one handler is measured in one process, in milliseconds. */
  readonly caseMs: number
  /** How long a server is under load, in seconds, after half of that to warm up. */
  readonly loadSeconds: number
  /** How many requests are pending, and in how many runs. */
  readonly pending: Readonly<Record<number, number>>
  /** Whether peers with servers of their own are measured on Node 24 as well. */
  readonly everywhere: boolean
  /** Says what is being done. */
  say(what: string): void
}

type Amounts = Omit<Plan, 'runtimes' | 'say'>

/** About a quarter of an hour. */
export const full: Amounts = {
  rounds: 3,
  caseMs: 100,
  loadSeconds: 1,
  pending: { 10000: 3, 100000: 3, 1000000: 1 },
  everywhere: true,
}

/** About two minutes, for whoever works on it. */
export const quick: Amounts = {
  rounds: 1,
  caseMs: 10,
  loadSeconds: 1,
  pending: { 10000: 1, 100000: 1 },
  everywhere: false,
}
