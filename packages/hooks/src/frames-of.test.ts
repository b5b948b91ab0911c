import { describe, expect, test } from 'vitest'
import { framesOf, isForeign, linesOfStack } from './frames-of.ts'

describe('the calls of a stack', () => {
  test.each([
    ['TypeError: at noon (really)\n    at f (/a.js:1:2)\n    at g (/b.js:1:2)', 'at f (/a.js:1:2)'],
    ['Error\n    at async Promise.all (index 0)', 'at async Promise.all (index 0)'],
    ['f@/a.js:1:2\ng@/b.js:3:4', 'f@/a.js:1:2'],
    ['Error: nothing', undefined],
    ['', undefined],
  ])('of %j the first is %j', (stack, frame) => {
    expect(framesOf({ name: 'Error', message: '', stack })[0]).toBe(frame)
  })

  test('are told apart from a message that looks like them', () => {
    const message = 'bad\n    at forged (/etc/passwd:1:1)'
    const stack = `Error: ${message}\n    at real (/app/main.js:1:1)`
    expect(framesOf({ name: 'Error', message, stack })).toEqual(['at real (/app/main.js:1:1)'])
    expect(framesOf({ name: 'Error', message, stack: `Error: ${message}` })).toEqual([])
  })

  test('stay whole where one has the message in it', () => {
    const stack = 'run@/app/main.js:1:2\nmain@/app/main.js:3:4'
    expect(framesOf({ name: 'Error', message: 'run', stack })).toEqual(stack.split('\n'))
    expect(framesOf({ name: '', message: '', stack })).toEqual(stack.split('\n'))
  })

  test('have the paths of files', () => {
    const stack = 'Error\n    at run (file:///app/main.js:1:2)\n    at file:///C:/app/main.js:3:4'
    expect(framesOf({ name: 'Error', message: '', stack })).toEqual([
      'at run (/app/main.js:1:2)',
      'at C:/app/main.js:3:4',
    ])
  })
})

test('the lines of a stack have what is no call, too, but not the message', () => {
  const stack = 'Error: m\n    at run (/a.js:1:2)\n\n  in Page\n'
  expect(linesOfStack({ name: 'Error', message: 'm', stack })).toEqual(['at run (/a.js:1:2)', 'in Page'])
  expect(linesOfStack({ name: 'Error', message: 'other', stack })).toEqual([
    'Error: m',
    'at run (/a.js:1:2)',
    'in Page',
  ])
})

test.each([
  ['at f (/app/node_modules/hono/a.js:1:2)', true],
  ['at f (C:\\app\\node_modules\\hono\\a.js:1:2)', true],
  ['at emit (node:events:524:28)', true],
  ['at node:events:524:28', true],
  ['at f (/app/src/node.js:1:2)', false],
])('whether %s is foreign: %s', (frame, foreign) => {
  expect(isForeign(frame)).toBe(foreign)
})
