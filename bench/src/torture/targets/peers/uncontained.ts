import { writeSync } from 'node:fs'

let answering = ''

/** What nobody catches ends the process, as Node has it; then it says when, and of which request. */
export function uncontained(): void {
  process.on('uncaughtExceptionMonitor', (error) => {
    const { message, code } = error as NodeJS.ErrnoException
    writeSync(2, `\n${JSON.stringify({ diedAt: Date.now(), answering, message, code })}\n`)
  })
}

/** Remembers whose answer a callback is about to write. */
export function answersNow(id: string): void {
  answering = id
}
