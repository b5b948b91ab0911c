import { createHmac } from 'node:crypto'
import { InvalidOptionError } from '@curfew/core'
import { describe, expect, test } from 'vitest'
import { sign, verifySignature } from './signature.ts'

const secret = 'sesame'
const body = '{"reports":[{"message":"你好 \\u2028"}]}'

/** What any other implementation makes. */
function header(seconds: number | string, text: string, key = secret): string {
  return `t=${seconds},v1=${createHmac('sha256', key).update(`${seconds}.${text}`).digest('hex')}`
}

const now = (): number => Math.floor(Date.now() / 1_000)

test('a signature is the HMAC-SHA256 of its time and the body', async () => {
  expect(await sign(Buffer.from(body), secret, 1_710_408_413_589)).toBe(header(1_710_408_413, body))
})

test('what others sign is verified, as text and as bytes', async () => {
  expect(await verifySignature(body, header(now(), body), secret)).toBe(true)
  expect(await verifySignature(Buffer.from(body), header(now(), body), secret)).toBe(true)
})

test('bytes that are a part of others are verified as that part', async () => {
  const bytes = Buffer.from(`xx${body}xx`).subarray(2, -2)
  expect(await verifySignature(bytes, header(now(), body), secret)).toBe(true)
})

test.each([
  ['another body', `${body} `, header(now(), body)],
  ['another secret', body, header(now(), body, 'simsim')],
  ['a changed time', body, header(now(), body).replace(/t=\d+/, `t=${now() - 1}`)],
  ['no time', body, header(now(), body).replace(/t=\d+,/, '')],
  ['no code', body, `t=${now()}`],
  ['half a code', body, header(now(), body).slice(0, -32)],
  ['a code in upper case', body, header(now(), body).toUpperCase()],
  ['an empty code', body, `t=${now()},v1=`],
  ['a time that is no number', body, header('NaN', body)],
  ['a time with a sign', body, header('+1', body)],
  ['an empty header', body, ''],
  ['nothing', body, null],
  ['nothing at all', body, undefined],
  ['a header without end', body, `${header(now(), body)}${',v1='.repeat(100_000)}`],
])('%s is not taken', async (_, text, given) => {
  expect(await verifySignature(text, given, secret)).toBe(false)
})

test('one of several codes is enough, so that secrets can be replaced', async () => {
  const [, other] = header(now(), body, 'old').split(',')
  expect(await verifySignature(body, `${header(now(), body)}, ${other}`, secret)).toBe(true)
  expect(await verifySignature(body, `${header(now(), body, 'older')},${other}`, secret)).toBe(false)
})

describe('a signature', () => {
  test.each([
    ['of 4 minutes ago is taken', -240, undefined, true],
    ['of 6 minutes ago is not', -360, undefined, false],
    ['of 4 minutes ahead is taken', 240, undefined, true],
    ['of 6 minutes ahead is not', 360, undefined, false],
    ['may be as old as is said', -360, 600_000, true],
    ['may be of any time if that is said', -1_700_000_000, Infinity, true],
    ['must be as new as is said', -10, 5_000, false],
  ])('%s', async (_, seconds, toleranceMs, taken) => {
    const options = toleranceMs === undefined ? {} : { toleranceMs }
    expect(await verifySignature(body, header(now() + seconds, body), secret, options)).toBe(taken)
  })
})

test.each([
  ['secret', '', {}],
  ['secret', undefined, {}],
  ['toleranceMs', secret, { toleranceMs: -1 }],
  ['tolerance', secret, { tolerance: 5 }],
])('%s is refused if it cannot be', async (option, key, options) => {
  const verified = verifySignature(body, header(now(), body), key as string, options as object)
  await expect(verified).rejects.toThrow(InvalidOptionError)
  await expect(verified).rejects.toMatchObject({ option })
})
