import type { Report } from '@curfew/core/report'
import { type Digest, digestOf, within } from './digest.ts'
import type { WebhookFormat } from './webhook-format.ts'

/** Slack refuses messages whose blocks are longer than about 13 000 characters together. */
const ROOM = 9_000
const MAX_REPORTS = 10

/** What a text of a section may have. */
const MAX_SECTION = 3_000

/**
 * Messages for an incoming webhook of Slack, or of what is compatible with it: what was thrown, at what request, and
 * the ids by which the report itself is found. Nothing that a client or an error chose can mention anybody, be a link,
 * or be formatted. At most ten reports are in one message.
 *
 * @example
 * ```ts
 * webhook(process.env.SLACK_URL ?? '', { format: slack() })
 * ```
 */
export function slack(): WebhookFormat {
  return {
    maxReports: MAX_REPORTS,
    write: (reports: readonly Report[]) => {
      const digests = reports.map(digestOf)
      const room = Math.min(MAX_SECTION, Math.floor(ROOM / reports.length))
      return {
        text: digests
          .map(({ title, error: [first] }) => mrkdwn(first ? `${title}\n${first}` : title))
          .join('\n'),
        blocks: digests.flatMap((digest) => blocksOf(digest, room)),
      }
    },
  }
}

function blocksOf({ title, error, facts }: Digest, room: number): object[] {
  const shownFacts = within(facts, room / 2, (line) => line.length).join('\n')
  const lines = within(error.map(mrkdwn), room - shownFacts.length - 10, (line) => line.length)
  const code = `\`\`\`\n${lines.join('\n')}\n\`\`\``
  return [
    { type: 'header', text: plainText(title) },
    ...(error.length > 0 ? [{ type: 'section', text: { type: 'mrkdwn', verbatim: true, text: code } }] : []),
    { type: 'context', elements: [plainText(shownFacts)] },
  ]
}

function plainText(text: string): object {
  return { type: 'plain_text', emoji: false, text }
}

/** `<!here>` and the like need their brackets; what is only compatible knows a bare `@here`, too. */
function mrkdwn(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('@', '@\u200b')
    .replaceAll('```', "'''")
}
