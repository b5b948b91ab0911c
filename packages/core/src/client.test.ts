import { describe, expect, test, vi } from 'vitest'
import { FakeClient, get, watchedRequest } from '../test/support.ts'
import { attachClient, attachedClient, SignalClient } from './client.ts'

const watcher = () => ({
  clientClosed: vi.fn(),
  delivered: vi.fn(),
  broke: vi.fn(),
  streamStruck: vi.fn(),
  shutDown: vi.fn(),
  breakOff: vi.fn(),
})

describe('attachClient', () => {
  test('belongs to that very request object', () => {
    const request = get()
    const client = new FakeClient()
    expect(attachedClient(request)).toBeUndefined()
    attachClient(request, client)
    expect(attachedClient(request)).toBe(client)
    expect(attachedClient(request.clone())).toBeUndefined()
  })

  test('replaces the client before', () => {
    const request = get()
    const client = new FakeClient()
    attachClient(request, new FakeClient())
    attachClient(request, client)
    expect(attachedClient(request)).toBe(client)
  })

  test('does not show on the request', () => {
    const request = get()
    attachClient(request, new FakeClient())
    expect(Object.keys(request)).not.toContain('client')
    expect(JSON.stringify(request)).toBe(JSON.stringify(get()))
  })
})

describe('a client that is seen through a signal', () => {
  test('has a cost, and tells nothing of the delivery', () => {
    const { request } = watchedRequest()
    expect(new SignalClient(request)).toMatchObject({ cheap: false, tellsDelivery: false, upgrading: false })
  })

  test('touches the signal when it is first asked', () => {
    const { request, seen } = watchedRequest()
    const client = new SignalClient(request)
    expect(seen.reads).toBe(0)
    expect(client.closed).toBe(false)
    expect(seen.reads).toBe(1)
  })

  test('is about to leave HTTP when its request asks for a WebSocket', () => {
    expect(new SignalClient(get('/', { headers: { upgrade: 'WebSocket' } })).upgrading).toBe(true)
    expect(new SignalClient(get('/', { headers: { upgrade: 'h2c' } })).upgrading).toBe(false)
  })

  test('is closed once the signal is aborted, and its watcher is told once', () => {
    const { request, seen, close } = watchedRequest()
    const client = new SignalClient(request)
    const own = watcher()
    client.watch(own)
    expect([client.closed, seen.added]).toEqual([false, 1])
    close('a string')
    close('again')
    expect(client.closed).toBe(true)
    expect(own.clientClosed).toHaveBeenCalledTimes(1)
    expect(own.clientClosed).toHaveBeenCalledWith()
    expect(own.delivered).not.toHaveBeenCalled()
    expect(own.broke).not.toHaveBeenCalled()
  })

  test('tells at once when the signal was aborted before, without a listener', () => {
    const { request, seen, close } = watchedRequest()
    close()
    const own = watcher()
    new SignalClient(request).watch(own)
    expect(own.clientClosed).toHaveBeenCalledTimes(1)
    expect(seen.added).toBe(0)
  })

  test('tells nobody after it is unwatched, and leaves no listener', () => {
    const { request, listeners, close } = watchedRequest()
    const client = new SignalClient(request)
    const own = watcher()
    client.watch(own)
    expect(listeners()).toBe(1)
    client.unwatch(own)
    expect(listeners()).toBe(0)
    close()
    expect(own.clientClosed).not.toHaveBeenCalled()
    expect(client.closed).toBe(true)
  })

  test('can be unwatched without having been watched', () => {
    expect(() => new SignalClient(get()).unwatch(watcher())).not.toThrow()
  })

  test.each([null, undefined])('is never closed when there is %s', (signal) => {
    const client = new SignalClient(Object.create({ signal }))
    const own = watcher()
    client.watch(own)
    expect(client.closed).toBe(false)
    client.unwatch(own)
    expect(own.clientClosed).not.toHaveBeenCalled()
  })
})
