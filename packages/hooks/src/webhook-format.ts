import type { Report } from '@curfew/core/report'

/** Why a receiver did not take what it was sent. */
export interface Refusal {
  /** In few words. */
  readonly reason: string
  /** Whether it may take it later. */
  readonly retry: boolean
}

/** What a receiver wants to be sent, and how it answers. `slack()`, `feishu()` and `wecom()` are some. */
export interface WebhookFormat {
  /** The body, as `JSON.stringify` will be given it; of several reports if there are batches. */
  write(reports: readonly Report[]): unknown
  /**
   * For receivers that say no with a status that says yes: reads the start of an answer (64 KiB at most), and gives
   * back what is wrong, if anything is. `undefined` as an answer is one that broke off.
   */
  read?(answer: string | undefined): Refusal | undefined
  /** How many reports a body can hold, where there is such a limit. */
  readonly maxReports?: number
}

/** `{ "reports": [...] }`, whether there is one or many. */
export const plain: WebhookFormat = { write: (reports) => ({ reports }) }

/** For receivers whose answer is JSON with a code in it, under one of these names: 0 for success. */
export function readCode(
  codeNames: readonly string[],
  messageName: string,
  retry: (code: number, message: string) => boolean,
): (answer: string | undefined) => Refusal | undefined {
  return (answer) => {
    if (answer === undefined) return { reason: 'an answer that broke off', retry: true }
    const fields = parsed(answer)
    const message = String(fields[messageName] ?? '')
    const [name = '', code] =
      codeNames.map((each) => [each, fields[each]] as const).find(([, found]) => typeof found === 'number') ??
      []
    if (code === 0) return undefined
    if (typeof code !== 'number') return { reason: `an answer without ${codeNames[0]}`, retry: false }
    return { reason: `${name} ${code} (${message})`, retry: retry(code, message) }
  }
}

function parsed(text: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(text))
  } catch {
    return {}
  }
}
