import { expect, test, vi } from 'vitest'
import { mapHandlers } from './routes.ts'

test('every handler is replaced, and nothing else', () => {
  const handler = () => new Response('a')
  const fixed = new Response('b')
  const page = { index: 'index.html' }
  const dir = { dir: './public' }
  const replaced = () => new Response('c')
  const replace = vi.fn(() => replaced)
  const routes = {
    '/a': handler,
    '/b/:id': { GET: handler, POST: fixed },
    '/c': fixed,
    '/d': page,
    '/e': dir,
    '/f': false,
  }
  const mapped = mapHandlers(routes, replace)
  expect(mapped).toEqual({ ...routes, '/a': replaced, '/b/:id': { GET: replaced, POST: fixed } })
  expect([mapped['/c'], mapped['/d'], mapped['/e']]).toEqual([fixed, page, dir])
  expect(mapped['/d']).toBe(page)
  expect(replace.mock.calls).toEqual([
    [handler, '/a'],
    [handler, '/b/:id'],
  ])
})
