import { LONGEST_TIMER_MS } from '@curfew/core'
import type { Report } from '@curfew/core/report'
import type { Parcel } from './post.ts'
import { shorterReports } from './shorter-reports.ts'
import { unlessAborted } from './unless-aborted.ts'
import { WebhookError } from './webhook-error.ts'
import type { WebhookFormat } from './webhook-format.ts'

/** How reports are put together. */
export interface Packing {
  readonly format: WebhookFormat
  readonly batchSize: number
  readonly batchMs: number
  readonly maxBytes: number
}

type Deliver = (parcel: Parcel, signal: AbortSignal) => Promise<void>

/** Reports on their way: each waits for others to go with, if there are to be batches, and learns what became of it. */
export class Outbox {
  private readonly packing: Packing
  private readonly deliver: Deliver
  private readonly underWay = new Set<Letter>()
  private waiting: Letter[] = []
  private timer: ReturnType<typeof setTimeout> | undefined

  constructor(packing: Packing, deliver: Deliver) {
    this.packing = packing
    this.deliver = deliver
  }

  /**
   * Resolves when the report was accepted.
   *
   * @throws {WebhookError} when it was given up, or as soon as the signal is aborted
   */
  async add(report: Report, signal: AbortSignal): Promise<void> {
    const letter = new Letter(report)
    this.underWay.add(letter)
    this.waiting.push(letter)
    if (this.waiting.length >= this.packing.batchSize) this.send()
    else this.wait()
    try {
      await unlessAborted(signal, letter.arrival, () => new WebhookError(CANCELLED, { cause: signal.reason }))
    } finally {
      letter.withdraw()
      this.underWay.delete(letter)
      this.waiting = this.waiting.filter((each) => each !== letter)
      if (this.waiting.length === 0) this.stopWaiting()
    }
  }

  /** Sends what waits; resolves when nothing of what there is now is under way any more. */
  async flush(signal: AbortSignal): Promise<void> {
    this.send()
    const all = Promise.allSettled(Array.from(this.underWay, (letter) => letter.arrival))
    await unlessAborted(
      signal,
      all,
      () => new WebhookError(`Webhook was not flushed in time: ${this.underWay.size} reports are under way`),
    )
  }

  /** On edges only the request that set a timer can clear it: one that is not waited for any more does nothing. */
  private wait(): void {
    if (this.timer !== undefined) return
    const timer = setTimeout(
      () => {
        if (timer === this.timer) this.send()
      },
      Math.min(this.packing.batchMs, LONGEST_TIMER_MS),
    )
    this.timer = timer
  }

  private send(): void {
    this.stopWaiting()
    const letters = this.waiting
    this.waiting = []
    void this.dispatch(letters)
  }

  private stopWaiting(): void {
    clearTimeout(this.timer)
    this.timer = undefined
  }

  /** In one parcel if they fit into it, else by halves. Never rejects: the letters are told. */
  private async dispatch(letters: readonly Letter[]): Promise<void> {
    const wanted = letters.filter((letter) => !letter.withdrawn.aborted)
    if (wanted.length === 0) return
    try {
      const parcel = await pack(
        wanted.map(({ report }) => report),
        this.packing,
      )
      if (!parcel) {
        const half = Math.ceil(wanted.length / 2)
        await Promise.all([this.dispatch(wanted.slice(0, half)), this.dispatch(wanted.slice(half))])
        return
      }
      await this.deliver(parcel, allOf(wanted.map(({ withdrawn }) => withdrawn)))
      for (const letter of wanted) letter.accepted()
    } catch (error) {
      for (const letter of wanted) letter.lost(error)
    }
  }
}

const CANCELLED = 'Webhook was cancelled: the report may not have arrived'

/** One report, and whoever waits to hear of it. */
class Letter {
  readonly report: Report
  readonly arrival: Promise<void>
  /** Aborted as soon as nobody waits any more. */
  readonly withdrawn: AbortSignal
  readonly withdraw: () => void
  accepted!: () => void
  lost!: (error: unknown) => void

  constructor(report: Report) {
    const controller = new AbortController()
    this.report = report
    this.withdrawn = controller.signal
    this.arrival = new Promise((resolve, reject) => {
      this.accepted = resolve
      this.lost = reject
    })
    this.withdraw = () => {
      controller.abort()
      this.accepted()
    }
  }
}

/** Aborted once all of them are. */
function allOf(signals: readonly AbortSignal[]): AbortSignal {
  const controller = new AbortController()
  const check = (): void => {
    if (signals.every(({ aborted }) => aborted)) controller.abort()
  }
  for (const signal of signals) signal.addEventListener('abort', check, { once: true })
  check()
  return controller.signal
}

/** Nothing if they are too large together. */
async function pack(reports: readonly Report[], packing: Packing): Promise<Parcel | undefined> {
  const { format, maxBytes } = packing
  const [first] = reports
  let body = await bodyOf(reports, format)
  if (reports.length > 1 || !first) {
    return body.length <= maxBytes ? { id: crypto.randomUUID(), body } : undefined
  }
  // A late report has the id of the one that it belongs to, and would be taken for it.
  const id = first.kind === 'late' ? `${first.id}-late` : first.id
  const shorter = shorterReports(first)
  while (body.length > maxBytes) {
    const { value, done } = shorter.next()
    if (done) throw new WebhookError(`Report is larger than maxBytes ${maxBytes}: ${body.length} bytes`)
    body = await bodyOf([value], format)
  }
  return { id, body }
}

async function bodyOf(reports: readonly Report[], format: WebhookFormat): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const body = await format.write(reports)
    const { write } = Object(body) as Partial<WebhookFormat>
    if (typeof write === 'function')
      throw new TypeError('Format makes a format, and has to be called: slack()')
    const text: string | undefined = JSON.stringify(body)
    if (text === undefined) throw new TypeError('format gave nothing that JSON knows')
    return new TextEncoder().encode(text)
  } catch (cause) {
    throw new WebhookError('Report could not be written by the format of the webhook', { cause })
  }
}
