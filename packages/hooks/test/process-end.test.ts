import * as fs from 'node:fs'
import { basename, join } from 'node:path'
import { expect, test } from 'vitest'
import { jsonLines, readJsonLines } from '../src/json-lines.ts'
import { type Ended, startChild } from './child.ts'
import { newFolder, reportsIn } from './files.ts'
import { failed } from './reports.ts'

async function numbersIn(path: string): Promise<number[]> {
  return (await reportsIn(path)).map(({ id }) => Number(id))
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index)
}

const fire1000 = `
  const hook = jsonLines(path)
  for (let number = 0; number < 1_000; number++) void fire(hook, number)`

test.each<[string, string, Partial<Ended>]>([
  ['by itself', fire1000, { code: 0, stderr: '' }],
  ['by process.exit()', `${fire1000}; process.exit(3)`, { code: 3, stderr: '' }],
  ['by an error that nobody caught', `${fire1000}; throw new Error('uncaught')`, { code: 1 }],
  ['by a rejection that nobody handled', `${fire1000}; void Promise.reject(new Error('x'))`, { code: 1 }],
])('no report is lost, nor written twice, when the process ends %s', async (_, code, end) => {
  const path = join(newFolder(), 'a', 'reports.jsonl')
  expect(await startChild(path, code).ended).toMatchObject({ ...end, signal: null })
  expect(await numbersIn(path)).toEqual(upTo(1_000))
})

test('nor while the first of them are being written, whatever the moment', async () => {
  const moments = [
    'setImmediate(() => process.exit())',
    'process.nextTick(() => process.exit())',
    ...[0, 1, 2, 3, 5, 8].map((ms) => `setTimeout(() => process.exit(), ${ms})`),
    'fs.stat(path, () => process.exit())',
  ]
  for (const moment of moments) {
    const path = join(newFolder(), 'reports.jsonl')
    const code = `
      const hook = jsonLines(path, { maxBytes: Infinity })
      let number = 0
      // At each turn some more, so that some wait while others are being written.
      const more = () => {
        for (let count = 0; count < 50; count++) void fire(hook, number++)
        setImmediate(more)
      }
      process.on('exit', () => console.log(number))
      more()
      ${moment}`
    const { stdout, stderr } = await startChild(path, code).ended
    expect(stderr).toBe('')
    expect(await numbersIn(path), moment).toEqual(upTo(Number(stdout)))
  }
})

test('nor those of the exit listeners, early and late', async () => {
  const path = join(newFolder(), 'reports.jsonl')
  const code = `
    process.on('exit', () => void fire(hook, 0))
    const hook = jsonLines(path)
    process.on('exit', () => void fire(hook, 1))
    process.on('exit', () => void fire(hook, 2))`
  expect(await startChild(path, code).ended).toMatchObject({ code: 0, stderr: '' })
  expect(await numbersIn(path)).toEqual([0, 1, 2])
})

test('nor those of a worker that ends', async () => {
  const path = join(newFolder(), 'reports.jsonl')
  const code = `
    import { Worker } from 'node:worker_threads'
    const worker = \`
      import('@curfew/hooks/json-lines').then(({ jsonLines }) => {
        const hook = jsonLines(\${JSON.stringify(path)})
        const failed = \${JSON.stringify(failed)}
        for (let number = 0; number < 100; number++) void hook.fire({ ...failed, id: String(number) })
        setTimeout(() => {
          for (let number = 100; number < 200; number++) void hook.fire({ ...failed, id: String(number) })
          process.exit()
        }, 5)
      })\`
    new Worker(worker, { eval: true })`
  expect(await startChild(path, code).ended).toMatchObject({ code: 0, stderr: '' })
  expect(await numbersIn(path)).toEqual(upTo(200))
})

test('a path that cannot be written keeps no process from ending as it would, and says so once', async () => {
  const folder = newFolder()
  const { code, stderr } = await startChild(folder, `${fire1000}; process.exit(3)`).ended
  expect(code).toBe(3)
  expect(stderr).toMatch(/^Curfew reports not written: 1000 Error: EISDIR/)
  expect(stderr.match(/Curfew/g)).toHaveLength(1)
})

test('a process that is killed loses what it had not written; all whole lines are reports, and the next ones, too', async () => {
  const path = join(newFolder(), 'reports.jsonl')
  const child = startChild(
    path,
    `const hook = jsonLines(path)
     for (let number = 0; ; number++) {
       await Promise.all([0, 1, 2, 3].map((part) => fire(hook, number * 4 + part)))
       if (number === 50) console.log('under way')
     }`,
  )
  await child.spoke
  child.kill()
  expect(await child.ended).toMatchObject({ signal: 'SIGKILL', stderr: '' })
  const text = fs.readFileSync(path, 'utf8')
  const whole = text.split('\n').slice(0, -1)
  expect(whole.length).toBeGreaterThan(200)
  expect(whole.map((line) => Number(JSON.parse(line).id))).toEqual(upTo(whole.length))

  // As a crash of the machine may leave it.
  fs.truncateSync(path, Buffer.byteLength(text) - 100)
  const hook = jsonLines(path)
  await hook.fire(failed)
  await hook.close()
  const lines = []
  for await (const line of readJsonLines(path)) lines.push(line)
  expect(lines.at(-1)!.report).toEqual(failed)
  expect(lines.filter(({ error }) => error)).toHaveLength(1)
  expect(lines.at(-2)!.error).toBeDefined()
})

test('several processes on one path tear no line of each other’s', async () => {
  const path = join(newFolder(), 'reports.jsonl')
  const children = [0, 1, 2].map((process) =>
    startChild(
      path,
      `const hook = jsonLines(path)
       for (let round = 0; round < 40; round++) {
         await Promise.all([0, 1, 2, 3, 4].map((part) => fire(hook, ${process * 1_000} + round * 5 + part)))
       }`,
    ),
  )
  for (const { ended } of children) expect(await ended).toMatchObject({ code: 0, stderr: '' })
  const numbers = await numbersIn(path)
  for (const start of [0, 1_000, 2_000]) {
    const own = numbers.filter((number) => number >= start && number < start + 1_000)
    expect(own).toEqual(upTo(200).map((number) => start + number))
  }
})

test('nor lose any when they rotate', async () => {
  const folder = newFolder()
  const path = join(folder, 'reports.jsonl')
  const children = [0, 1, 2].map((process) =>
    startChild(
      path,
      `const hook = jsonLines(path, { maxBytes: 30_000, keep: 100 })
       for (let round = 0; round < 100; round++) await fire(hook, ${process * 1_000} + round)`,
    ),
  )
  for (const { ended } of children) expect(await ended).toMatchObject({ code: 0, stderr: '' })
  // 300 reports of which 15 have room in a file.
  const files = ['', ...upTo(20).map((index) => `.${index + 1}`)].map((end) => path + end)
  expect(fs.readdirSync(folder).sort()).toEqual(
    files
      .filter(fs.existsSync)
      .map((file) => basename(file))
      .sort(),
  )
  const numbers = (await Promise.all(files.filter(fs.existsSync).map(numbersIn))).flat()
  expect(numbers.sort((a, b) => a - b)).toEqual(
    [0, 1_000, 2_000].flatMap((start) => upTo(100).map((n) => start + n)),
  )
})

test('a subscriber that throws takes nothing from the others; Node.js takes it for an uncaught error', async () => {
  const code = `
    import { subscribe } from 'node:diagnostics_channel'
    subscribe('curfew:report', () => { throw new Error('subscriber') })
    subscribe('curfew:report', () => console.log('the other one'))
    const hook = diagnosticsChannel()
    const fired = () => console.log('fired:', fire(hook, 0))`
  const crashed = await startChild('', `${code}; fired()`).ended
  expect(crashed).toMatchObject({ code: 1, stdout: 'the other one\nfired: undefined\n' })
  expect(crashed.stderr).toContain('Error: subscriber')

  const listening = `process.on('uncaughtException', ({ message }) => console.log('uncaught:', message))`
  const survived = await startChild('', `${code}; ${listening}; fired()`).ended
  expect(survived).toMatchObject({
    code: 0,
    stdout: 'the other one\nfired: undefined\nuncaught: subscriber\n',
    stderr: '',
  })
})
