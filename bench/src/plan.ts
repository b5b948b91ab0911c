import type { Runtime } from './runtimes.ts'

/** How much is measured. */
export interface Plan {
  readonly runtimes: readonly Runtime[]
  /** Those on which there is more than the cost of a request alone. */
  readonly serving: readonly Runtime[]
  readonly rounds: number
  /** The same for what takes longest. */
  readonly loadRounds: number
  /** How long one handler is measured in one process, in milliseconds. */
  readonly caseMs: number
  /** How long a server is under load from clients that leave, in seconds. */
  readonly loadSeconds: number
  /** How many requests are pending, and in how many runs. */
  readonly pending: Readonly<Record<number, number>>
  /** Says what is being done. */
  say(what: string): void
}

type Amounts = Omit<Plan, 'runtimes' | 'serving' | 'say'>

/** About half an hour. */
export const full: Amounts = {
  rounds: 3,
  loadRounds: 2,
  caseMs: 50,
  loadSeconds: 0.8,
  pending: { 10000: 2, 100000: 2, 1000000: 1 },
}

/** Less than two minutes, for whoever works on it. */
export const quick: Amounts = {
  rounds: 1,
  loadRounds: 1,
  caseMs: 5,
  loadSeconds: 0.4,
  pending: { 10000: 1 },
}
