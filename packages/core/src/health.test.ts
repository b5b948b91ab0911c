import { expect, test } from 'vitest'
import { InvalidOptionError } from './errors.ts'
import { createHealth, type HealthOptions, toResponse } from './health.ts'

const ready = () => true

test.each([undefined, false] as const)('%s answers nothing', (options) => {
  expect(createHealth(options, ready)).toBeUndefined()
})

test('ready is what the server says at that time; live it is all the time', () => {
  let isReady = true
  const health = createHealth(true, () => isReady)!
  expect(health.answer('GET', '/readyz')).toMatchObject({ status: 200, body: 'ready\n' })
  isReady = false
  expect(health.answer('GET', '/readyz')).toMatchObject({ status: 503, body: 'stopping\n' })
  expect(health.answer('GET', '/livez')).toMatchObject({ status: 200, body: 'live\n' })
})

test.each(['/readyz', '/readyz?verbose', 'http://localhost:3000/readyz', 'https://a/readyz?a=/livez'])(
  '%s is asked by GET and HEAD, and by nothing else',
  (url) => {
    const health = createHealth(true, ready)!
    expect(health.answer('GET', url)).toMatchObject({ status: 200, body: 'ready\n' })
    expect(health.answer('HEAD', url)).toMatchObject({ status: 200 })
    for (const method of ['POST', 'OPTIONS', 'get', undefined]) {
      expect(health.answer(method, url)).toBeUndefined()
    }
  },
)

test.each([
  '/',
  '/readyz/',
  '/readyzz',
  '/a/readyz',
  '//readyz',
  '/?/readyz',
  'http://readyz',
  '*',
  '',
  undefined,
])('%s is somebody else’s', (url) => {
  expect(createHealth(true, ready)!.answer('GET', url)).toBeUndefined()
})

test('paths can be others, or none', () => {
  const health = createHealth({ ready: '/up', live: false }, ready)!
  expect(health.paths).toEqual(['/up'])
  expect(health.answer('GET', '/up')).toMatchObject({ status: 200 })
  expect(health.answer('GET', '/readyz')).toBeUndefined()
  expect(health.answer('GET', '/livez')).toBeUndefined()
})

test('as a response it is not to be kept by anybody, and HEAD has no body', async () => {
  const verdict = createHealth(true, ready)!.answer('GET', '/readyz')!
  const response = toResponse(verdict, 'GET')
  expect(response.headers.get('cache-control')).toBe('no-store')
  expect(await response.text()).toBe('ready\n')
  expect(toResponse(verdict, 'HEAD').body).toBeNull()
})

test.each<[option: string, options: unknown]>([
  ['health', 'yes'],
  ['health', null],
  ['health', 1],
  ['health.ready', { ready: 'readyz' }],
  ['health.ready', { ready: '/ready?' }],
  ['health.ready', { ready: '/:id' }],
  ['health.ready', { ready: '/*' }],
  ['health.live', { live: true }],
  ['health.live', { ready: '/up', live: '/up' }],
  ['health.started', { started: '/startz' }],
])('what is no option is refused by its name, %s', (option, options) => {
  const make = () => createHealth(options as HealthOptions, ready)
  expect(make).toThrow(InvalidOptionError)
  expect(make).toThrow(`Invalid option ${option}:`)
})
