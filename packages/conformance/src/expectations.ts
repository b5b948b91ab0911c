import { expect } from 'vitest'
import type { Reply } from './wire.ts'

/** What both clients read. */
export type Answer = Omit<Reply, 'informational'>

const stack = /\n[ \t]+at /

/** The reply of `hello`, and of `short`: whole, and nobody else's. */
export function expectText(reply: Answer, text?: string): void {
  expect(reply.status).toBe(200)
  expect(reply.complete).toBe(true)
  expect(reply.headers.get('content-type')).toMatch(/^text\/plain/)
  expectLength(reply)
  if (text !== undefined) expect(reply.body.toString()).toBe(text)
  expectNothingLeaked(reply)
}

/** The reply of the guard itself at its deadline. */
export function expectTimeout(reply: Answer): void {
  expectProblem(reply, 503, 'HANDLER_TIMEOUT')
  expectNothingLeaked(reply)
}

export function expectProblem(reply: Answer, status: number, code: string): void {
  expect(reply.status).toBe(status)
  expect(reply.complete).toBe(true)
  expect(reply.headers.get('content-type')).toMatch(/^application\/problem\+json\b/)
  expectLength(reply)
  const problem: unknown = JSON.parse(reply.body.toString())
  expect(problem).toMatchObject({ type: expect.any(String), title: expect.any(String), status, code })
}

/** A 500 that tells nothing: the guard's, or the framework's own. */
export function expectFailure(reply: Answer): void {
  const isProblem = reply.headers.get('content-type')?.startsWith('application/problem+json')
  if (isProblem) expectProblem(reply, 500, 'HANDLER_FAILED')
  expect(reply.status).toBe(500)
  expect(reply.complete).toBe(true)
  expectLength(reply)
  const text = reply.body.toString()
  expect(text).not.toContain('secret')
  expect(text).not.toMatch(stack)
}

/** None of what the handler of `leaky` set. */
export function expectNothingLeaked(reply: Answer): void {
  expect(reply.headers.has('x-leak')).toBe(false)
  expect(reply.headers.has('set-cookie')).toBe(false)
  expect(reply.body.toString()).not.toContain('secret')
}

/** What the outer middleware set. */
export function expectOuterHeaders(reply: Answer): void {
  expect(reply.headers.get('access-control-allow-origin')).toBe('*')
  // No comma: it is there once.
  expect(reply.headers.get('x-request-id')).toMatch(/^[^,\s]+$/)
}

function expectLength(reply: Answer): void {
  const length = reply.headers.get('content-length')
  // HTTP/2 frames tell the length already.
  if (length !== undefined) expect(length).toBe(String(reply.body.length))
}
