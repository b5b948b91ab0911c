import type { Report } from '@curfew/core/report'
import { bytesOf, type Digest, digestOf, within } from './digest.ts'
import { readCode, type WebhookFormat } from './webhook-format.ts'

/** What WeCom takes, in bytes. */
const MAX_CONTENT = 4_096
const MAX_REPORTS = 5

/** System busy, too many messages, too many at once. */
const passing = [-1, 45009, 45033]

/**
 * Markdown for a group robot of WeCom (WeChat Work), 4096 bytes at most. What would mention somebody, be a link or have
 * a colour is replaced by characters that look alike. WeCom says no with status 200; that counts as a failure, and is
 * tried again if it is because of too many messages (there may be 20 a minute). At most five reports are in one message.
 *
 * @example
 * ```ts
 * webhook(process.env.WECOM_URL ?? '', { format: wecom() })
 * ```
 */
export function wecom(): WebhookFormat {
  return {
    maxReports: MAX_REPORTS,
    write: (reports: readonly Report[]) => {
      const room = Math.floor(MAX_CONTENT / reports.length) - 1
      const content = reports.map((report) => textOf(digestOf(report), room)).join('\n')
      return { msgtype: 'markdown', markdown: { content } }
    },
    read: readCode(['errcode'], 'errmsg', (code) => passing.includes(code)),
  }
}

function textOf({ title, error, facts }: Digest, room: number): string {
  const heading = `**${markdown(title)}**`
  const left = room - bytesOf(heading) - 1
  const shownError = within(error.map(quoted), left * 0.6, bytesOf)
  const rest = left - bytesOf(shownError.join('\n')) - 1
  return [heading, ...shownError, ...within(facts.map(quoted), rest, bytesOf)].join('\n')
}

function quoted(line: string): string {
  return `> ${markdown(line)}`
}

const lookalikes: Readonly<Record<string, string>> = {
  '<': '＜',
  '>': '＞',
  '[': '［',
  ']': '］',
  '*': '＊',
  '`': 'ˋ',
}

function markdown(text: string): string {
  return text.replace(/[<>[\]*`]/g, (character) => lookalikes[character] ?? character)
}
