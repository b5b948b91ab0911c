import { expect, test } from 'vitest'
import { routeOf } from './route-of.ts'

const routed = (url: string, route?: string) =>
  routeOf({ id: '', method: 'GET', url, ...(route !== undefined && { route }) })

test('the route is the one that is known', () => {
  expect(routed('http://a.example/users/1', '/users/:name')).toBe('/users/:name')
})

test.each([
  ['http://a.example', '/'],
  ['http://a.example/?x=1', '/'],
  ['http://a.example/users/42', '/users/:id'],
  ['http://a.example/users/42/', '/users/:id/'],
  ['http://a.example/users/42?page=2#top', '/users/:id'],
  ['/users/42', '/users/:id'],
  ['http://a.example/o/6f1c2a4e-7a43-4b60-9d53-0d1f4c1f7a01/items', '/o/:id/items'],
  ['http://a.example/c/9fceb02d0ae598e95dc970b74767f19372d61af8', '/c/:id'],
  ['http://a.example/c/9fceb02d', '/c/:id'],
  ['http://a.example/t/01ARZ3NDEKTSV4RRFFQ69G5FAV', '/t/:id'],
  ['http://a.example/n/V1StGXR8_Z5jdHi6B_myT', '/n/:id'],
  ['http://a.example/o/ord_1A2b3C4d', '/o/:id'],
  ['http://a.example/at/-1.5', '/at/:id'],
])('%s is taken for %s', (url, route) => {
  expect(routed(url)).toBe(route)
})

test.each(['/v1/users', '/deadbeef', '/facade', '/oauth2/token', '/2fa', '/user_settings', '/new-york'])(
  'the words of %s stay',
  (path) => {
    expect(routed(`http://a.example${path}`)).toBe(path)
  },
)

test('what is no URL at all has a name, too', () => {
  expect(routed('nonsense')).toBe('nonsense')
  expect(routed('')).toBe('/')
})

test('an endless path takes no endless time', () => {
  expect(routed(`http://a.example/${'a1'.repeat(1_000_000)}`).length).toBeLessThan(10_000)
})
