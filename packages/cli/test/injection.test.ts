import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ExitCode } from '../src/exit-code.ts'
import { quote } from '../src/quote.ts'
import { curfew, fileOf, linesOf, makeReport } from './support.ts'

// Reports in which everything that is text was chosen by somebody who means ill, given to every command there is.

/** Texts of what does something in a terminal or in a shell; and any other. */
const evil = fc
  .array(
    fc.oneof(
      fc.constantFrom('\r\n', '\n', '\r', '\0', '\t', '\b', '\u007f', '\u0085', '\u2028', '\u202e', '\u2066'),
      fc.constantFrom('\u001b[2J', '\u001b]8;;http://evil.example\u0007', '\u009b31m', '\u{e0041}', '\ud800'),
      fc.constantFrom(
        "'",
        '"',
        '`id`',
        '$(id)',
        '$HOME',
        '\\',
        '!!',
        ';',
        '&&',
        '|',
        '>',
        '#',
        '~',
        '*',
        '{a,b}',
      ),
      fc.constantFrom(
        '-o/tmp/x',
        '--config=x',
        '@/etc/passwd',
        '-',
        ' ',
        '%s',
        '[redacted]',
        '東京',
        '=',
        ':',
        '/',
      ),
      fc.string({ unit: 'binary', maxLength: 12 }),
    ),
    { maxLength: 8 },
  )
  .map((parts) => parts.join(''))

const headers = fc.dictionary(evil, evil, { maxKeys: 4 })

const error = fc.record({
  name: evil,
  message: evil,
  stack: evil.map((text) => `${text}\n    at ${text} (/a.js:1:1)\n    at ${text}`),
  fields: fc.dictionary(evil, evil, { maxKeys: 2 }),
  cause: fc.record({ name: evil, message: evil }),
})

const body = fc.oneof(
  evil.map((text) => ({ kind: 'text', bytes: 1, complete: true, text })),
  fc
    .dictionary(evil, evil, { maxKeys: 3 })
    .map((value) => ({ kind: 'json', bytes: 1, complete: true, value })),
  fc
    .array(fc.record({ name: evil, value: evil }), { maxLength: 3 })
    .map((fields) => ({ kind: 'form', bytes: 1, complete: true, fields })),
  fc
    .array(fc.record({ name: evil, value: evil, file: fc.record({ type: evil, bytes: fc.nat() }) }), {
      maxLength: 2,
    })
    .map((fields) => ({ kind: 'multipart', bytes: 1, complete: true, fields })),
)

const report = fc
  .record({
    time: evil,
    fingerprint: evil,
    error,
    request: fc.record({
      id: evil,
      method: fc.oneof(evil, fc.constantFrom('GET', 'POST')),
      url: fc.oneof(
        evil,
        evil.map((text) => `http://shop.example/${text}`),
      ),
      route: evil,
      headers,
      body,
    }),
    response: fc.record({ status: fc.constant(500), headers }),
    where: fc.record({ service: evil, version: evil, region: evil, hostname: evil }),
    omitted: fc.array(evil, { maxLength: 2 }),
  })
  .map((parts) => makeReport(parts))

/** A character that would do something on a terminal, or is not seen there, but for the two joiners. */
const ACTING = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u
const COLOURS = new RegExp(`${'\u001b'}\\[\\d{1,2}m`, 'g')

const ID = ['--id', '6f1c2a4e']
const commands: [name: string, argv: (file: string) => string[]][] = [
  ['show', (file) => ['show', file]],
  ['show --json', (file) => ['show', file, '--json']],
  ['tail', () => ['tail', '-']],
  ['tail --json', () => ['tail', '-', '--json']],
  ['stats', (file) => ['stats', file]],
  ['stats --json', (file) => ['stats', file, '--json']],
  ['replay --dry-run', (file) => ['replay', file, ...ID, '--to', 'http://127.0.0.1:1', '--dry-run']],
  [
    'replay --dry-run --json',
    (file) => ['replay', file, ...ID, '--to', 'http://127.0.0.1:1', '--dry-run', '--json'],
  ],
  ['curl', (file) => ['curl', file, ...ID, '--to', 'http://127.0.0.1:1']],
  ['curl --json', (file) => ['curl', file, ...ID, '--json']],
]

describe.each(commands)('curfew %s', (_, argv) => {
  test('prints nothing that acts, but its own ends of lines and colours', async () => {
    await fc.assert(
      fc.asyncProperty(report, async (each) => {
        const file = fileOf(each)
        for (const env of [{ LANG: 'C.UTF-8' }, { LANG: 'C.UTF-8', FORCE_COLOR: '1' }]) {
          const { out, err, code } = await curfew(argv(file), { env, input: linesOf(each) })
          expect(code).not.toBe(ExitCode.internal)
          for (const line of `${out}\n${err}`.replaceAll(COLOURS, '').split('\n'))
            expect(line).not.toMatch(ACTING)
          if (!('FORCE_COLOR' in env)) expect(out).not.toMatch(COLOURS)
        }
      }),
      { numRuns: 40 },
    )
  })

  test('prints nothing that acts of a line that is no report either', async () => {
    await fc.assert(
      fc.asyncProperty(evil, async (text) => {
        const line = text.replaceAll('\n', ' ')
        const { out, err, code } = await curfew(
          argv(fileOf(line, JSON.stringify({ schema: line, [line]: 1 }))),
          {
            input: `${line}\n`,
          },
        )
        expect(code).not.toBe(ExitCode.internal)
        for (const each of `${out}\n${err}`.split('\n')) expect(each).not.toMatch(ACTING)
      }),
      { numRuns: 30 },
    )
  })
})

/** The words that a POSIX shell makes of a line. */
function wordsOf(line: string, wrap = (words: string) => `printf '%s\\0' ${words}`): string[] {
  const out = execFileSync('/bin/sh', [], { input: wrap(line), env: { PATH: process.env.PATH ?? '' } })
  return out.toString('latin1').split('\0').slice(0, -1)
}

test('whatever is quoted is one word for a shell, and the same', () => {
  const bytes = fc.uint8Array({ min: 1, maxLength: 40 }).map((each) => Buffer.from(each))
  const sendable = evil.map((text) => Buffer.from(text.replaceAll('\0', '')))
  fc.assert(
    fc.property(fc.array(fc.oneof(bytes, sendable), { minLength: 1, maxLength: 20 }), (all) => {
      const words = wordsOf(all.map((each) => quote(each)).join(' '))
      expect(words).toEqual(all.map((each) => each.toString('latin1')))
    }),
    { numRuns: 60 },
  )
})

test('the line that curl prints runs curl, once, with no option that the report has chosen', async () => {
  const known = /^(?:--include|--globoff|--head|-X|-H|--data-raw|--data-binary)$/
  await fc.assert(
    fc.asyncProperty(report, fc.constantFrom('GET', 'PUT', 'HEAD'), evil, async (each, method, path) => {
      const request = { ...each.request, method, url: `http://shop.example/${path}` }
      const { out, err, code } = await curfew([
        'curl',
        fileOf(makeReport({ ...each, request })),
        ...ID,
        '--to',
        'http://127.0.0.1:1',
      ])
      expect([code, err]).toEqual([expect.toBeOneOf([0, 5]), expect.anything()])
      // What the shell finds instead of curl says what it was called with, and reads what is piped into it.
      const words = wordsOf(
        out,
        (line) => `curl() { cat >/dev/null; printf '%s\\0' "$@" END; }\n${line.trimEnd()} </dev/null`,
      )
      expect(words.filter((word) => word === 'END')).toHaveLength(1)
      expect(words.at(-1)).toBe('END')
      const options: string[] = []
      const urls: string[] = []
      for (let at = 0; at < words.length - 1; at++) {
        const word = words[at]!
        if (!word.startsWith('-')) urls.push(word)
        else if (options.push(word) && !/^--(?:include|globoff|head)$/.test(word)) at++
      }
      expect(options.filter((option) => !known.test(option))).toEqual([])
      expect(urls).toEqual([expect.stringMatching(/^http:\/\/127\.0\.0\.1:1\//)])
    }),
    { numRuns: 60 },
  )
})
