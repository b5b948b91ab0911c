import { describe, expect, test } from 'vitest'
import { cpuTime } from '../../test/cpu-time.ts'
import { describeThrown } from './describe-thrown.ts'
import { type Crash, fingerprint } from './fingerprint.ts'
import type { ReportedError } from './report.ts'

function of(error: Partial<ReportedError> | undefined, rest: Partial<Crash> = {}): Promise<string> {
  const whole = error && { name: 'Error', message: '', ...error }
  return fingerprint({ kind: 'failed', error: whole, method: 'GET', route: '/users/:id', ...rest })
}

/** Whether all of these are the same, or else all different. */
async function compare(errors: readonly Partial<ReportedError>[]): Promise<'same' | 'different' | 'mixed'> {
  const { size } = new Set(await Promise.all(errors.map((error) => of(error))))
  return size === 1 ? 'same' : size === errors.length ? 'different' : 'mixed'
}

function v8(...frames: string[]): ReportedError {
  return {
    name: 'Error',
    message: 'boom',
    stack: ['Error: boom', ...frames.map((each) => `    at ${each}`)].join('\n'),
  }
}

function jsc(...frames: string[]): ReportedError {
  return { name: 'Error', message: 'boom', stack: frames.join('\n') }
}

test('is 16 hexadecimal digits', async () => {
  expect(await of({ message: 'boom' })).toMatch(/^[0-9a-f]{16}$/)
  expect(await of(undefined)).toMatch(/^[0-9a-f]{16}$/)
})

test('is what it was when the first reports were stored by it', async () => {
  expect(await of(v8('load (/app/src/users.ts:10:5)', 'handle (/app/src/index.ts:3:1)'))).toBe(
    '1c8b2fbe4b9c38ec',
  )
  expect(await of(undefined)).toBe('570fa946ad415b15')
})

describe('is the same', () => {
  test('when lines are added above', async () => {
    const then = v8('load (/app/src/users.ts:10:5)', 'async handle (/app/src/index.ts:3:1)')
    const now = v8('load (/app/src/users.ts:1234:17)', 'async handle (/app/src/index.ts:4:1)')
    expect(await compare([then, now])).toBe('same')
  })

  test.each([
    ['another folder', '/srv/releases/20260101/src/'],
    ['none at all', '/src/'],
    ['one with a space and parentheses', '/my apps (copy)/(group)/src/'],
    ['a module’s address', 'file:///app/src/'],
    ['Windows', 'C:\\Program Files (x86)\\app\\src\\'],
    ['a module’s address on Windows', 'file:///C:/app/src/'],
  ])('when the folder is %s', async (_, folder) => {
    const at = (folder: string): ReportedError => {
      const slash = folder.includes('\\') ? '\\' : '/'
      return v8(
        `load (${folder}users${slash}load.ts:10:5)`,
        `${folder}users${slash}load.ts:20:5`,
        `async ${folder}index.ts:3:1`,
        `async handle (${folder}index.ts:3:1)`,
      )
    }
    expect(await compare([at('/app/src/'), at(folder)])).toBe('same')
  })

  test('when the only file is in the folder itself', async () => {
    expect(await compare([v8('load (/app/server.js:10:5)'), v8('load (/var/task/server.js:10:5)')])).toBe(
      'same',
    )
  })

  test('when some files are modules, and others are not', async () => {
    const at = (folder: string) => v8(`load (file://${folder}/a.mjs:1:1)`, `call (${folder}/lib/b.cjs:1:1)`)
    expect(await compare([at('/app'), at('/srv')])).toBe('same')
  })

  test('when all of the stack is in packages', async () => {
    const at = (folder: string) =>
      v8(
        `parse (${folder}/node_modules/.pnpm/x@1.0.0/node_modules/x/lib/parse.js:1:1)`,
        'process.processTicksAndRejections (node:internal/process/task_queues:95:5)',
      )
    expect(await compare([at('/app'), at('/srv')])).toBe('same')
  })

  test('when packages and the runtime are called through otherwise', async () => {
    const own = 'load (/app/src/users.ts:10:5)'
    expect(
      await compare([
        v8(own),
        v8('parse (/app/node_modules/x/lib/parse.js:1:1)', own, 'node:internal/x:1:1'),
        v8('JSON.parse (<anonymous>)', 'Query.run (C:\\app\\node_modules\\pg\\query.js:1:1)', own),
        v8('async node:internal/deps/undici/undici:1:1', own),
      ]),
    ).toBe('same')
  })

  test('when the callers far above are others', async () => {
    const frames = Array.from({ length: 5 }, (_, index) => `f${index} (/app/src/${index}.ts:1:1)`)
    expect(
      await compare([v8(...frames, 'a (/app/src/a.ts:1:1)'), v8(...frames, 'b (/app/src/b.ts:1:1)')]),
    ).toBe('same')
  })

  test('when code is evaluated in another folder', async () => {
    const at = (folder: string) =>
      v8(`eval (eval at run (${folder}/x.js:3:5), <anonymous>:1:7)`, `run (${folder}/x.js:3:5)`)
    expect(await compare([at('/app'), at('/srv')])).toBe('same')
  })

  test('when a bundler gave the file another hash', async () => {
    expect(
      await compare([v8('load (/app/chunk-4f3a9b2c.js:1:900)'), v8('load (/app/chunk-99e0d1aa.js:1:901)')]),
    ).toBe('same')
  })

  test.each([
    [
      'numbers',
      ['user 7 of 1,234 at 10:42:31.5', 'user 123456 of 9 at 1:02:03', 'user -1.5e10 of 1_000 at 7'],
    ],
    [
      'ids',
      [
        'no order 6fa459ea-ee8a-3ca4-894e-db77e160355e',
        'no order V1StGXR8_Z5jdHi6B-myT',
        'no order 507f1f77bcf86cd799439011',
        'no order #a3',
      ],
    ],
    ['quotations', ['no "Ada" in `users`', 'no "" in `orders`', `no "${'long '.repeat(100)}" in \`x\``]],
    ['single quotations', ["can't find 'Ada'", "can't find 'somebody else'"]],
    ['quotations that go on', ['unexpected: "abc', `unexpected: "${'x '.repeat(5_000)}`]],
    ['addresses', ['connect ECONNREFUSED 127.0.0.1:5432', 'connect ECONNREFUSED 10.0.0.17:5433']],
    ['the end of a long text', [`${'a long story '.repeat(40)}ends`, `${'a long story '.repeat(40)}goes on`]],
    [
      'numbers before the end of a long text',
      [`1 ${'story '.repeat(50)}${'a '.repeat(900)}`, `100000 ${'story '.repeat(50)}${'a '.repeat(900)}`],
    ],
  ])('when the message has other %s', async (_, messages) => {
    expect(await compare(messages.map((message) => ({ message })))).toBe('same')
  })

  test('when the message has lines that look like frames', async () => {
    const with_ = (message: string): ReportedError => {
      return { name: 'Error', message, stack: `Error: ${message}\n    at load (/app/src/users.ts:10:5)` }
    }
    const messages = ['failed:\n    at a "x" (/b.js:1:1)', 'failed:\n    at a "y" (/b.js:1:1)']
    expect(await compare(messages.map(with_))).toBe('same')
  })

  test('when the message changed after the stack was taken', async () => {
    const { stack } = v8('load (/app/src/users.ts:10:5)')
    expect(
      await compare([
        { message: 'id 1', stack: stack! },
        { message: 'id 2', stack: stack! },
      ]),
    ).toBe('same')
  })
})

describe('is different', () => {
  test('for other names, codes, messages and kinds', async () => {
    expect(await compare([{ name: 'A' }, { name: 'B' }])).toBe('different')
    expect(
      await compare([{ fields: { code: 'A' } }, { fields: { code: 'B' } }, {}, { fields: { code: 1 } }]),
    ).toBe('different')
    expect(await compare([{ value: { code: 'A' } }, { value: { code: 'B' } }, { value: [] }])).toBe(
      'different',
    )
    expect(await compare([{ message: 'one thing' }, { message: 'another' }])).toBe('different')
    expect(await of({}, { kind: 'late' })).not.toBe(await of({}))
  })

  test('for other crash sites', async () => {
    expect(
      await compare([
        v8('load (/app/src/users.ts:1:1)', 'handle (/app/src/index.ts:1:1)'),
        v8('save (/app/src/users.ts:1:1)', 'handle (/app/src/index.ts:1:1)'),
        v8('load (/app/src/orders.ts:1:1)', 'handle (/app/src/index.ts:1:1)'),
        v8('load (/app/src/users.ts:1:1)', 'serve (/app/src/index.ts:1:1)'),
        v8('load (/app/src/admin/users.ts:1:1)', 'handle (/app/src/index.ts:1:1)'),
        v8('load (/app/src/sha256.ts:1:1)', 'handle (/app/src/index.ts:1:1)'),
        v8('load (/app/src/sha512.ts:1:1)', 'handle (/app/src/index.ts:1:1)'),
        v8('handle (/app/src/index.ts:1:1)'),
        v8(),
      ]),
    ).toBe('different')
  })

  test('for other causes, and other members', async () => {
    const [one, two] = [
      { name: 'A', message: 'a' },
      { name: 'B', message: 'b' },
    ]
    expect(
      await compare([
        { cause: one },
        { cause: two },
        { cause: { ...one, cause: two } },
        { errors: [one] },
        { errors: [two] },
        { errors: [one, two] },
        { errors: [{ ...one, cause: two }] },
        {},
      ]),
    ).toBe('different')
  })

  test('for other routes, where nothing was thrown', async () => {
    const routes = ['/users/:id', '/users', '/orders/:id']
    const prints = await Promise.all(routes.map((route) => of(undefined, { route, kind: 'timed-out' })))
    const post = await of(undefined, { method: 'POST', kind: 'timed-out' })
    expect(new Set([...prints, post]).size).toBe(4)
  })
})

test('is the same for paths that differ in numbers and ids, where there is no route', async () => {
  const paths = ['/users/7/orders', '/users/1234/orders', '/users/507f1f77bcf86cd799439011/orders']
  const prints = await Promise.all(paths.map((route) => of(undefined, { route })))
  expect(new Set(prints).size).toBe(1)
})

describe('JavaScriptCore', () => {
  test('is read, too', async () => {
    const then = jsc(
      'load@/app/src/users.ts:10:5',
      'map@[native code]',
      '@/app/src/index.ts:3:1',
      'global code@/app/src/index.ts:9',
    )
    const now = jsc(
      'load@/srv/src/users.ts:11:5',
      'map@[native code]',
      '@/srv/src/index.ts:7:2',
      'global code@/srv/src/index.ts:8',
    )
    const other = jsc('save@/app/src/users.ts:10:5', '@/app/src/index.ts:3:1')
    expect(await compare([then, now])).toBe('same')
    expect(await compare([then, other])).toBe('different')
  })

  test('may have scoped packages in its paths', async () => {
    const own = 'load@/app/src/users.ts:10:5'
    expect(await compare([jsc(own), jsc('parse@/app/node_modules/@scope/x/index.js:1:1', own)])).toBe('same')
  })
})

describe('real errors', () => {
  function thrownAt(depth: number): unknown {
    try {
      if (depth === 0) throw new Error(`failed at ${Math.random()}`)
      return thrownAt(depth - 1)
    } catch (error) {
      return error
    }
  }

  test('of one place have one, and of two places two', async () => {
    const [one, two] = [thrownAt(0), thrownAt(0)].map((error) => describeThrown(error))
    const other = describeThrown(new Error('failed at 1'))
    expect(await compare([one!, two!])).toBe('same')
    expect(await compare([one!, other])).toBe('different')
  })
})

describe('a hostile error', () => {
  test.each([
    ['a long line', `at ${'a'.repeat(65_536)}`],
    ['a line of digits', `at x (${':1'.repeat(32_768)}`],
    ['a line of parentheses', `at ${' ('.repeat(32_768)}:1:1)`],
    ['a line of folders', `at x (${'/'.repeat(65_000)}a:1:1)`],
    ['a line of `node_modules`', `at x (${'/node_modules'.repeat(5_000)}/a:1:1)`],
    ['nested evaluations', `at x (${'eval at x ('.repeat(6_000)}, <anonymous>:1:1)`],
    ['a line of `@`', `${'@'.repeat(65_536)}:1:1`],
    ['a line of quotes', `at ${'"\'`'.repeat(20_000)}`],
    ['many lines', 'at x (/a.js:1:1)\n'.repeat(65_536)],
    ['many short lines', '\n'.repeat(65_536)],
  ])('takes no time: %s', async (_, text) => {
    const stack = Array(50).fill(text).join('\n')
    const spent = cpuTime()
    await of({ message: text, stack, cause: { name: text, message: text, stack } })
    expect(spent()).toBeLessThan(2_000)
  })

  test('may have a code of any kind', async () => {
    for (const code of [null, {}, [], { toString: null }, Number.NaN, true]) {
      expect(await of({ fields: { code } })).toMatch(/^[0-9a-f]{16}$/)
    }
    for (const value of [null, 'text', 7, { code: { deep: true } }]) {
      expect(await of({ value })).toMatch(/^[0-9a-f]{16}$/)
    }
  })
})
