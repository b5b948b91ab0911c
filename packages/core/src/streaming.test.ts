import { describe, expect, test } from 'vitest'
import { source, spiedResponse } from '../test/support.ts'
import { streaming } from './index.ts'
import { isStreaming } from './streaming.ts'

describe('a response streams on purpose', () => {
  test('when it is marked, and the mark gives back the same object', () => {
    const response = new Response('hello')
    expect(isStreaming(response)).toBe(false)
    expect(streaming(response)).toBe(response)
    expect(isStreaming(response)).toBe(true)
    expect(isStreaming(new Response('hello'))).toBe(false)
  })

  test('when a framework has copied one that is marked', () => {
    const marked = streaming(new Response(source().stream))
    const copy = new Response(marked.body, { headers: { 'x-framework': '1' } })
    expect(isStreaming(copy)).toBe(true)
  })

  test('when it is marked without a body', () => {
    expect(isStreaming(streaming(new Response(null)))).toBe(true)
  })

  test.each(['text/event-stream', 'text/event-stream; charset=utf-8'])('when it is %s', (type) => {
    expect(isStreaming(new Response('data: 1\n\n', { headers: { 'content-type': type } }))).toBe(true)
  })

  test.each([
    ['has switched protocols', { status: 101 }],
    ['has a WebSocket', { webSocket: {} }],
  ])('when it %s, and its body is not looked at', (_, own) => {
    const { response, seen } = spiedResponse()
    for (const [key, value] of Object.entries(own)) Object.defineProperty(response, key, { value })
    expect(isStreaming(response)).toBe(true)
    expect(seen.reads).toBe(0)
  })

  test('when it has no body to drain', () => {
    expect(isStreaming(new Response(null, { status: 204 }))).toBe(true)
  })
})

describe('a response is drained', () => {
  test.each([
    ['text', () => new Response('hello')],
    ['bytes', () => new Response(new Uint8Array([1]))],
    ['a stream', () => new Response(source().stream)],
    ['a type that only looks alike', () => new Response('x', { headers: { 'content-type': 'text/event' } })],
  ])('when it is %s', (_, make) => {
    expect(isStreaming(make())).toBe(false)
  })

  test('when it has no WebSocket, which every response of workerd says of itself', () => {
    expect(isStreaming(Object.assign(new Response('hello'), { webSocket: null }))).toBe(false)
  })
})
