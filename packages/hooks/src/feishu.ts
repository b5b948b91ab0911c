import type { Report } from '@curfew/core/report'
import { checkOptions } from './check-options.ts'
import { bytesOf, type Digest, digestOf, within } from './digest.ts'
import { hmac } from './hmac.ts'
import { aSecret } from './signature.ts'
import { readCode, type WebhookFormat } from './webhook-format.ts'

/** Feishu refuses bodies of more than 20 KB; what is around the texts takes the rest. */
const ROOM = 14_000
const MAX_REPORTS = 10

export interface FeishuOptions {
  /** The secret of the bot, if its messages have to be signed. (Not the `secret` of `webhook()`, which is a header.) */
  secret?: string
}

/**
 * Cards for a custom bot of Feishu or Lark. All texts in them are plain: nothing that a client or an error chose can
 * mention anybody or be a link. Feishu says no with status 200, too; that counts as a failure, and is tried again if it
 * is because of too many messages. At most ten reports are on one card.
 *
 * @throws {InvalidOptionError} for an option that is unknown or has a value that it cannot have
 *
 * @example
 * ```ts
 * webhook(process.env.FEISHU_URL ?? '', { format: feishu({ secret: process.env.FEISHU_SECRET ?? '' }) })
 * ```
 */
export function feishu(options: FeishuOptions = {}): WebhookFormat {
  const { secret } = checkOptions(options, { secret: aSecret })
  return {
    maxReports: MAX_REPORTS,
    write: async (reports: readonly Report[]) => ({
      ...(secret !== undefined && (await signedAt(Math.floor(Date.now() / 1_000), secret))),
      msg_type: 'interactive',
      card: cardOf(reports.map(digestOf)),
    }),
    read: readCode(['code', 'StatusCode'], 'msg', isPassing),
  }
}

function cardOf(digests: readonly Digest[]): object {
  const room = Math.floor(ROOM / digests.length)
  const [first] = digests
  const title = digests.length === 1 && first ? first.title : `${digests.length} reports`
  return {
    config: { wide_screen_mode: true },
    header: { template: 'red', title: plainText(title) },
    elements: digests.flatMap((digest, index) => [
      ...(index > 0 ? [{ tag: 'hr' }] : []),
      ...(digests.length > 1 ? [{ tag: 'div', text: plainText(digest.title) }] : []),
      ...elementsOf(digest, room),
    ]),
  }
}

function elementsOf({ error, facts }: Digest, room: number): object[] {
  const shownError = within(error, room / 2, sizeInJson)
  const shownFacts = within(facts, room / 2, sizeInJson)
  return [
    ...(error.length > 0 ? [{ tag: 'div', text: plainText(shownError.join('\n')) }] : []),
    { tag: 'note', elements: [plainText(shownFacts.join('\n'))] },
  ]
}

function sizeInJson(line: string): number {
  return bytesOf(JSON.stringify(line))
}

function plainText(content: string): object {
  return { tag: 'plain_text', content }
}

/** Unlike others, Feishu takes what is to be signed for the key, and signs nothing with it. */
async function signedAt(seconds: number, secret: string): Promise<{ timestamp: string; sign: string }> {
  const code = await hmac(`${seconds}\n${secret}`, new Uint8Array())
  return { timestamp: String(seconds), sign: btoa(String.fromCharCode(...code)) }
}

/** 11232 and 99991400 stand for too many messages; 9499 for that and for all sorts of things. */
function isPassing(code: number, message: string): boolean {
  return code === 11232 || code === 99991400 || /too many|frequen|rate limit/i.test(message)
}
