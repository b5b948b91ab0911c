import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { guard } from '@curfew/core'
import { parseReport, type Report, reporter } from '@curfew/core/report'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { consoleHook } from '../src/index.ts'
import { jsonLines } from '../src/json-lines.ts'
import { ACTING } from './acting.ts'
import { newFolder } from './files.ts'

// Whole requests and errors, through a real guard and its reporter, into what people and programs read.

/** Texts of what does something in a terminal, in a log, or in JSON; and any other. */
const evil = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '\r\n',
        '\n',
        '\r',
        '\0',
        '\u001b[2J',
        '\u001b]8;;http://evil.example\u0007',
        '\u001b]0;title\u001b\\',
        '\u009b31m',
        '\u0085',
        '\u2028',
        '\u202e',
        '\u2066',
        '\b\b\b',
        '\u007f',
        '\u{e0041}',
      ),
      fc.constantFrom(
        '"}',
        '\\',
        '","level":"fatal"',
        '</script>',
        '{{',
        '%s%o',
        'FAILED 500  GET /',
        '\ud800',
      ),
      fc.string({ unit: 'binary', maxLength: 20 }),
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(''))

/** As headers can have it: bytes, some of which are commands to a terminal. */
const evilHeader = evil.map((text) =>
  [...text]
    .map((char) => String.fromCharCode(char.charCodeAt(0) & 0xff))
    .join('')
    .replace(/[\0\r\n]/g, ' ')
    .trim(),
)

const scene = fc.record({
  path: evil,
  query: fc.tuple(evil, evil),
  header: evilHeader,
  id: evilHeader,
  body: evil,
  contentType: fc.constantFrom('application/json', 'text/plain', 'application/x-www-form-urlencoded', 'a/b'),
  name: evil,
  message: evil,
  stack: evil,
  cause: evil,
  field: fc.tuple(evil, evil),
  route: evil,
})

/** Those of `pretty()`. */
const colours = new RegExp(`${'\u001b'}\\[(?:1|2|22|3[13569]|39)m`, 'g')

type Scene = typeof scene extends fc.Arbitrary<infer T> ? T : never

/** All that a reader of reports gets to see when this happens. */
async function written(told: Scene) {
  const { path, query, header, id, body, contentType, name, message, stack, cause, field } = told
  const out: Record<'json' | 'pretty' | 'coloured', string[]> = { json: [], pretty: [], coloured: [] }
  const made: Report[] = []
  const file = join(newFolder(), 'reports.jsonl')
  const toFile = jsonLines(file)
  const reports = reporter({
    service: told.route || 'service',
    // Everything is to be seen, or much of it would be hidden for other reasons.
    redact: { allow: { headers: true, query: true, cookies: true, body: true, error: true } },
    hooks: [
      (report) => void made.push(report),
      consoleHook({ format: 'json', write: (line) => void out.json.push(line) }),
      consoleHook({ format: 'pretty', color: false, write: (text) => void out.pretty.push(text) }),
      consoleHook({ format: 'pretty', color: true, write: (text) => void out.coloured.push(text) }),
      toFile,
    ],
  })
  const guarded = guard(
    async (request) => {
      await request.text()
      const error = new Error(message, { cause: new Error(cause) })
      throw Object.assign(error, {
        name,
        stack: `${stack}\n    at ${stack} (/app.js:1:1)`,
        [field[0]]: field[1],
      })
    },
    { reporter: reports, exposeErrors: true },
  )
  const url = new URL(`http://localhost/${encodeURIComponent(wellFormed(path))}`)
  url.searchParams.set(...query)
  const headers = { 'content-type': contentType, 'x-evil': header, 'x-request-id': id }
  const reply = await guarded(new Request(url, { method: 'POST', body, headers }))
  await reports.flush()
  await toFile.close()
  return { made, out, reply, lines: await readFile(file, 'utf8') }
}

function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd')
}

test('no line that is written has more in it than it says, whatever a request or an error is made of', async () => {
  await fc.assert(
    fc.asyncProperty(scene, async (told) => {
      const { made, out, reply, lines } = await written(told)
      expect(made).toHaveLength(1)
      const asWritten = JSON.parse(JSON.stringify(made[0]))

      const [line, ...others] = out.json
      expect(others).toEqual([])
      expect(line).not.toMatch(/\n/)
      expect(line).not.toMatch(ACTING)
      expect(parseReport(JSON.parse(line!))).toEqual(asWritten)

      expect(lines).toBe(`${line}\n`)

      // Only its own ends of lines, and no line but the first begins at the margin.
      const rows = out.pretty[0]!.split('\n')
      expect(rows.filter((row) => ACTING.test(row))).toEqual([])
      expect(rows.slice(1).filter((row) => /^\S/.test(row))).toEqual([])

      // Only its own colours.
      expect(out.coloured[0]!.replaceAll(colours, '')).toBe(out.pretty[0])

      // What is answered is JSON of known members, and nothing of it is in the head.
      expect(reply.headers.get('content-type')).toBe('application/problem+json')
      expect([...reply.headers.keys()]).toEqual(['content-type'])
      const problem: unknown = JSON.parse(await reply.text())
      expect(problem).toEqual({
        type: 'about:blank',
        title: 'Internal Server Error',
        status: 500,
        code: 'HANDLER_FAILED',
        detail: told.message,
      })
    }),
    { numRuns: 60 },
  )
})
