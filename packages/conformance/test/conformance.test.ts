import { expect, test } from 'vitest'
import { conformance } from '../src/conformance.ts'

test('an exception for a case that does not exist is refused', () => {
  const start = () => Promise.reject(new Error('never started'))
  const exceptions = { 'a case of another suite': 'no reason' }
  expect(() => conformance('nobody', { limitMs: 400, start, exceptions })).toThrow(
    'not a case of the suite: a case of another suite',
  )
})

test('so is one for a protocol that the server does not speak', () => {
  const start = () => Promise.reject(new Error('never started'))
  const exceptions = { 'h2: a 204 stays as it is': 'no reason' }
  expect(() => conformance('nobody', { limitMs: 400, start, exceptions })).toThrow('h2: a 204')
})
