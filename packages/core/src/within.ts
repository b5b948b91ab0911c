import { systemClock } from './clock.ts'
import { inTime } from './in-time.ts'

/** Whether it settles within so many milliseconds. What it rejects with is handed on. */
export async function within(ms: number, work: Promise<unknown>): Promise<boolean> {
  const late = Symbol('late')
  try {
    await inTime(systemClock, ms, work, () => late)
    return true
  } catch (thrown) {
    if (thrown === late) return false
    throw thrown
  }
}
