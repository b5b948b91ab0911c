#!/usr/bin/env node
import { run } from './run.ts'

const stopping = new AbortController()

// Whoever writes is told by itself.
process.stdout.on('error', () => {})
process.stderr.on('error', () => {})

process.exitCode = await run(process.argv.slice(2), {
  get stdin() {
    return process.stdin
  },
  stdout: {
    isTTY: process.stdout.isTTY ?? false,
    columns: process.stdout.columns,
    write: (text) =>
      new Promise((resolve, reject) => {
        process.stdout.write(text, (error) => (error ? reject(error) : resolve()))
      }),
  },
  stderr: { write: (text) => void process.stderr.write(text) },
  env: process.env,
  platform: process.platform,
  untilStopped() {
    // A second one ends the process by itself, whatever it waits for.
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort())
    return stopping.signal
  },
})
