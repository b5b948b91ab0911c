import { describe, expect, test } from 'vitest'
import {
  ClientClosedError,
  EscapedError,
  HandlerTimeoutError,
  InvalidOptionError,
  NotGuardedError,
  ResponseSentError,
  ResponseTooLargeError,
  ShutdownError,
  StreamTimeoutError,
} from './index.ts'

describe('every error has a stable code and a name, and says what it is about', () => {
  test.each([
    ['HANDLER_TIMEOUT', 'TimeoutError', new HandlerTimeoutError(250), '250 ms'],
    ['CLIENT_CLOSED', 'AbortError', new ClientClosedError(), 'Client closed'],
    ['SHUTDOWN', 'AbortError', new ShutdownError(), 'Server shut down'],
    ['ESCAPED', 'AbortError', new EscapedError('boom'), 'escaped'],
    ['STREAM_TIMEOUT', 'TimeoutError', new StreamTimeoutError('idle', 250), 'idle for 250 ms'],
    ['RESPONSE_TOO_LARGE', 'ResponseTooLargeError', new ResponseTooLargeError(1024), 'maxBytes: 1024'],
    ['RESPONSE_SENT', 'ResponseSentError', new ResponseSentError(201), '201'],
    ['INVALID_OPTION', 'InvalidOptionError', new InvalidOptionError('watch', 'x', 5), 'watch'],
    ['NOT_GUARDED', 'NotGuardedError', new NotGuardedError({}), '[object Object]'],
  ])('%s', (code, name, error, text) => {
    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject({ code, name })
    expect(error.message).toContain(text)
    expect(error.message.endsWith('.')).toBe(false)
    expect(error.stack).toContain('errors.test')
  })
})

describe('an InvalidOptionError shows the value', () => {
  test.each<[unknown, string]>([
    ['5', '"5"'],
    ['', '""'],
    [Number.NaN, 'NaN'],
    [null, 'null'],
    [undefined, 'undefined'],
    [false, 'false'],
    [5n, '5'],
    [Symbol('s'), 'Symbol(s)'],
    [{}, '[object Object]'],
    [Object.create(null), '[object Object]'],
    [[1], '[object Array]'],
    [new Response(), '[object Response]'],
    [function named() {}, 'a function (named)'],
  ])('%s', (value, shown) => {
    expect(new InvalidOptionError('option', 'something', value).message).toBe(
      `Invalid option option: expected something, got ${shown}`,
    )
  })
})

describe('a NotGuardedError says what was given', () => {
  test.each([
    [new Request('http://localhost/a?b'), 'GET http://localhost/a?b'],
    ['request', '"request"'],
    [null, 'null'],
    [[], '[object Array]'],
  ])('%s', (value, shown) => {
    expect(new NotGuardedError(value).message).toContain(shown)
  })
})
