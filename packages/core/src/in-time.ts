import { type Clock, LONGEST_TIMER_MS } from './clock.ts'

/**
 * Settles as `work` does, or rejects with what `late` makes once `ms` milliseconds have passed; then it is of no
 * importance any more how `work` settles.
 */
export async function inTime<T>(
  clock: Clock,
  ms: number,
  work: PromiseLike<T>,
  late: () => unknown,
): Promise<T> {
  if (ms === Number.POSITIVE_INFINITY) return work
  let timer: unknown
  const tooLate = new Promise<never>((_, reject) => {
    timer = clock.setTimeout(() => reject(late()), Math.min(ms, LONGEST_TIMER_MS))
  })
  try {
    return await Promise.race([work, tooLate])
  } finally {
    clock.clearTimeout(timer)
  }
}
