import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { REDACTED } from './report.ts'
import { joinUrl, pathOf, type SeenUrl } from './seen-url.ts'

function taken(address: string): SeenUrl {
  const url = new URL(address)
  return { origin: url.origin, path: pathOf(url), query: [...url.searchParams] }
}

test.each([
  'http://localhost:3000/',
  'https://example.com/users/7/orders?page=2&sort=name',
  'http://localhost/a/b/',
  'http://localhost//a',
  'http://localhost/user@host:80/a,b;c/$1',
  'http://localhost/a%20b/%C3%BC?q=%C3%BC%20x&to=a@b.c:1',
  'http://localhost/a%2Fb/c',
  'http://localhost/%FF/100%25',
  'http://localhost/?a=1&a=2&b=',
  'http://[::1]:8080/',
])('an address that was taken apart is put together again: %s', (address) => {
  expect(joinUrl(taken(address))).toBe(address)
})

test('its parts are not escaped, but for slashes, and for what cannot be read', () => {
  expect(taken('http://h/a%20b/c%2fd/%FF?%C3%BC=x+y%26').path).toEqual(['', 'a b', 'c%2Fd', '%FF'])
  expect(taken('http://h/a%20b/c%2fd/%FF?%C3%BC=x+y%26').query).toEqual([['ü', 'x y&']])
})

test('what is hidden stands in it as it is', () => {
  const url = {
    origin: 'http://h',
    path: ['', REDACTED, `x${REDACTED}&`],
    query: [[REDACTED, `a ${REDACTED}`]],
  } as const
  expect(joinUrl(url)).toBe('http://h/[redacted]/x[redacted]%26?[redacted]=a%20[redacted]')
})

describe('whatever is in it', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('\ud800', '%', '%2', '%zz', '?', '#', '/', '..', REDACTED),
  )

  test('it is an address', () => {
    const parts = fc.record({
      // What a path was replaced by need not begin with a slash.
      path: fc.oneof(
        fc.array(text).map((path) => ['', ...path]),
        fc.array(text, { minLength: 1 }),
      ),
      query: fc.array(fc.tuple(text, text)),
    })
    fc.assert(
      fc.property(parts, ({ path, query }) => {
        const address = joinUrl({ origin: 'http://host:1', path, query })
        const url = new URL(address)
        expect(url.origin).toBe('http://host:1')
        expect(url.hash).toBe('')
        expect(address).toMatch(/^[\x21-\x7e]*$/)
        expect([...url.searchParams]).toEqual(query.map((pair) => pair.map((each) => wellFormed(each))))
      }),
    )
  })
})

/** As addresses have it: half of a surrogate pair is another character there. */
function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd')
}
