import { patienceMs, within } from './within.ts'

/** One line that a server wrote on its stdout. */
export type ServerRecord = { readonly event: string; readonly [field: string]: unknown }

/** What a server has told so far, and what it has yet to tell. */
export type RecordLog = {
  readonly all: readonly ServerRecord[]
  /** The first record that fits, be it one of the past or of the future. */
  waitFor(
    predicate: (record: ServerRecord) => boolean,
    description: string,
    timeoutMs?: number,
  ): Promise<ServerRecord>
}

export type RecordSink = RecordLog & {
  add(record: ServerRecord): void
  /** No more records: everybody who waits is told why. */
  end(reason: string): void
}

type Waiter = {
  readonly predicate: (record: ServerRecord) => boolean
  readonly resolve: (record: ServerRecord) => void
  readonly reject: (error: Error) => void
}

const lastShown = 20

export function recordLog(): RecordSink {
  const all: ServerRecord[] = []
  const waiters = new Set<Waiter>()
  let ended: string | undefined

  function seen(): string {
    const last = all.slice(-lastShown).map((record) => `\n  ${JSON.stringify(record)}`)
    return `${all.length} records were seen${last.length === 0 ? '' : `, the last ${last.length}:`}${last.join('')}`
  }

  return {
    all,
    add(record) {
      all.push(record)
      for (const waiter of waiters) {
        if (!waiter.predicate(record)) continue
        waiters.delete(waiter)
        waiter.resolve(record)
      }
    },
    end(reason) {
      ended = reason
      for (const waiter of waiters) waiter.reject(new Error(reason))
      waiters.clear()
    },
    async waitFor(predicate, description, timeoutMs = patienceMs) {
      const past = all.find(predicate)
      if (past !== undefined) return past
      if (ended !== undefined) throw new Error(`no record of ${description}: ${ended}; ${seen()}`)
      let waiter: Waiter | undefined
      const future = new Promise<ServerRecord>((resolve, reject) => {
        waiter = {
          predicate,
          resolve,
          reject: (error) => reject(new Error(`no record of ${description}: ${error.message}; ${seen()}`)),
        }
        waiters.add(waiter)
      })
      try {
        return await within(future, () => `a record of ${description}; ${seen()}`, timeoutMs)
      } finally {
        waiters.delete(waiter!)
      }
    },
  }
}
