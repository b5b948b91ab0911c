import { expect, test } from 'vitest'
import { rawClient } from '../src/raw-client.ts'
import { type Server, type ServerCommand, startServer } from '../src/start-server.ts'

const listening = `console.log(JSON.stringify({ event: 'listening', url: 'http://127.0.0.1:1', more: 2 }))`
const stay = 'setInterval(() => {}, 1_000)'

function script(...lines: string[]): ServerCommand {
  return { command: process.execPath, args: ['--eval', lines.join('\n')] }
}

async function using(command: ServerCommand, use: (server: Server) => Promise<void>): Promise<void> {
  const server = await startServer(command)
  try {
    await use(server)
  } finally {
    await server.stop()
  }
}

test('it resolves when the server listens, and hands on all that it said', async () => {
  const noise = `console.log('starting'); console.log('{ no json'); console.log('{"no":"event"}')`
  await using(script(noise, listening, stay), async (server) => {
    expect(server.url).toBe('http://127.0.0.1:1')
    expect(server.listening).toEqual({ event: 'listening', url: 'http://127.0.0.1:1', more: 2 })
  })
})

test('records of the past and of the future are found', async () => {
  const tell = `process.on('SIGUSR2', () => console.log('{"event":"later","pid":' + process.pid + '}'))`
  const now = `console.log('{"event":"now","pid":' + process.pid + '}')`
  await using(script(tell, now, listening, stay), async ({ records }) => {
    const past = await records.waitFor(({ event }) => event === 'now', 'now')
    const future = records.waitFor(({ event }) => event === 'later', 'later')
    process.kill(Number(past.pid), 'SIGUSR2')
    expect(await future).toEqual({ event: 'later', pid: past.pid })
    expect(records.all.map(({ event }) => event)).toEqual(['now', 'listening', 'later'])
  })
})

test('a record that does not come is missed with all that was seen', async () => {
  await using(script(listening, stay), async ({ records }) => {
    const missing = records.waitFor(({ event }) => event === 'never', 'a thing that never comes', 20)
    await expect(missing).rejects.toThrow(/20 ms.*a thing that never comes.*1 records.*\n.*"listening"/s)
  })
})

test('whoever waits for a record is told that the server is gone, and its last words', async () => {
  const dies = `process.on('SIGUSR2', () => { console.error('last words'); process.exit(3) })`
  const tell = `console.log('{"event":"pid","pid":' + process.pid + '}')`
  await using(script(dies, tell, listening, stay), async ({ records, exited, stderr }) => {
    const { pid } = await records.waitFor(({ event }) => event === 'pid', 'the pid')
    const never = () => false
    const waiting = expect(records.waitFor(never, 'a record')).rejects.toThrow(/exited: 3\nlast words/)
    process.kill(Number(pid), 'SIGUSR2')
    await waiting
    await expect(records.waitFor(never, 'a record')).rejects.toThrow(/exited: 3\nlast words/)
    expect(await exited).toEqual({ code: 3, signal: null })
    expect(stderr()).toBe('last words\n')
  })
})

test('a server that exits before it listens is an error with its last words', async () => {
  const failing = startServer(script(`console.log('on stdout'); throw new Error('on stderr')`))
  await expect(failing).rejects.toThrow(/no record of listening: .*exited: 1\non stdout\n.*on stderr/s)
})

test('a command that does not exist is an error', async () => {
  await expect(startServer({ command: '/no/such/command' })).rejects.toThrow('ENOENT')
})

test('the environment and the directory are the ones asked for', async () => {
  const tell = `console.log(JSON.stringify({ event: 'listening', url: process.env.WORD + process.cwd() }))`
  await using({ ...script(tell, stay), env: { WORD: 'here: ' }, cwd: '/' }, async (server) => {
    expect(server.url).toBe('here: /')
  })
})

test('a server that is told to stop may take its time, and its exit code is handed on', async () => {
  const polite = `process.on('SIGTERM', () => setTimeout(() => process.exit(7), 20))`
  const server = await startServer(script(polite, listening, stay))
  const [first, second] = await Promise.all([server.stop(), server.stop()])
  expect(first).toEqual({ code: 7, signal: null })
  expect(second).toBe(first)
})

test('a shim and the server that it started, deaf to SIGTERM, are killed together', async () => {
  const deaf = `
    process.on('SIGTERM', () => {})
    const server = require('node:http').createServer().listen(0, '127.0.0.1', () => {
      console.log(JSON.stringify({ event: 'listening', url: 'http://127.0.0.1:' + server.address().port }))
    })`
  const spawn = `require('node:child_process').spawn(process.execPath, ['--eval', ${JSON.stringify(deaf)}], { stdio: 'inherit' })`
  const server = await startServer({ ...script(spawn, stay), graceMs: 50 })
  const options = { host: '127.0.0.1', port: Number(new URL(server.url).port) }
  const client = await rawClient(options)
  await server.stop()
  await client.closed
  // Whether the process is there cannot be asked: in a container it may stay a zombie.
  await expect(rawClient(options)).rejects.toThrow('ECONNREFUSED')
})
