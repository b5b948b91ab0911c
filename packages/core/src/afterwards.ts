import { complain } from './complain.ts'
import type { Reporter } from './recording.ts'
import { within } from './within.ts'

/**
 * What goes on for a server after its responses: hooks that are at work, what was given to `scope.waitUntil()`, reports
 * on their way. A server that closes waits for it, so that the end of the process does not cut it off.
 */
export class Afterwards {
  private readonly works = new Set<Promise<unknown>>()
  private readonly reporters = new Set<Reporter>()

  add(work: Promise<unknown>): void {
    this.works.add(work)
    const forget = (): void => void this.works.delete(work)
    work.then(forget, forget)
  }

  /** The reporter has been told something, and is to be flushed. */
  told(reporter: Reporter): void {
    this.reporters.add(reporter)
  }

  /** Resolves when nothing is left, or `ms` milliseconds have passed; with whether all of it is done. */
  async done(ms: number): Promise<boolean> {
    const flushed = [...this.reporters].map((reporter) => flush(reporter, ms))
    const all = await Promise.all([this.settled(ms), ...flushed])
    return all.every(Boolean)
  }

  /** What is at work may bring up more of it. */
  private settled(ms: number): Promise<boolean> {
    const settle = async (): Promise<void> => {
      while (this.works.size > 0) await Promise.allSettled([...this.works])
    }
    return within(ms, settle())
  }
}

async function flush(reporter: Reporter, ms: number): Promise<boolean> {
  try {
    return await reporter.flush({ timeoutMs: ms })
  } catch (error) {
    complain('Curfew reporter failed to flush:', error)
    return false
  }
}
