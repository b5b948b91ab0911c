import type { Report } from '@curfew/core/report'
import fc from 'fast-check'
import { failed } from './reports.ts'

/** Texts of what chats take for more than text. */
export const hostileText: fc.Arbitrary<string> = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '<!here>',
        '<!channel>',
        '<@U123>',
        '@here',
        '@channel',
        '<http://evil.example|ok>',
        '```',
        '`',
      ),
      fc.constantFrom(
        '[ok](http://evil.example)',
        '<@userid>',
        '<font color="info">',
        '**',
        '*b*',
        '\n# h',
        '\n> q',
      ),
      fc.constantFrom(
        '<at id=all></at>',
        '<at user_id="all">',
        '&lt;',
        '&',
        '你好',
        '😀',
        '\ud800',
        '\u202e',
      ),
      fc.string({ maxLength: 300 }),
    ),
    { maxLength: 40 },
  )
  .map((parts) => parts.join(''))

/** Reports in which all that a client or an error can choose is such a text. */
export const hostileReport: fc.Arbitrary<Report> = fc
  .record({ name: hostileText, message: hostileText, stack: hostileText, url: hostileText, id: hostileText })
  .map(({ name, message, stack, url, id }) => ({
    ...failed,
    error: { name, message, stack: `${stack}\n    at ${stack}`, cause: { name, message } },
    request: { ...failed.request, id, url, method: name, route: url },
    where: { service: id, version: name, hostname: url },
  }))
