import { setTimeout as sleep } from 'node:timers/promises'

/** What the handlers of all servers do, by their paths. */
export const paths = {
  /** Answers at once. */
  sync: '/sync',
  /** Awaits three times. */
  async: '/async',
  /** Waits for a timer of 2 ms. */
  work: '/work',
  /** Never answers. */
  never: '/never',
} as const

export type Path = keyof typeof paths

/** The limit of all of them, in milliseconds. */
export const LIMIT_MS = 500
export const TEXT = 'hi'
export const HOST = '127.0.0.1'

const never = new Promise<never>(() => {})

/** What to wait for before the answer; nothing where it is there at once. */
export function workAt(path: string): Promise<unknown> | undefined {
  if (path === paths.async) return awaiting()
  if (path === paths.work) return sleep(2)
  if (path === paths.never) return never
  return undefined
}

async function awaiting(): Promise<void> {
  for (let i = 0; i < 3; i++) await undefined
}
