import { setImmediate as turn } from 'node:timers/promises'
import { quantile } from './numbers.ts'

/** Bytes of JavaScript objects that there are; buffers and what the runtime keeps natively are not among them. */
export function heapUsed(): number {
  return process.memoryUsage().heapUsed
}

/** V8's, where it is exposed. */
export type Collect = (options?: { type: 'minor' }) => void

/**
 * Bytes that `work` allocates on V8, be they garbage at once or not: each time what is young is collected first, and what
 * is allocated after that is counted, before there is so much of it that it is collected again. The median: now and then
 * the compiler allocates as well.
 */
export async function allocatedBytes(
  work: () => Promise<void>,
  collect: Collect,
  times: number,
): Promise<number> {
  const counted: number[] = []
  for (let time = 0; time < times; time++) {
    await turn()
    collect({ type: 'minor' })
    const before = heapUsed()
    await work()
    counted.push(heapUsed() - before)
  }
  return quantile(
    counted.sort((a, b) => a - b),
    0.5,
  )
}
