import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'

/**
 * Keeps processors from sleeping while something is measured that goes back and forth between processes. Whoever wakes
 * another process on a processor that sleeps pays for that, on a virtual machine some microseconds: the server, in its
 * `write()`, whenever the generator had to wait for it. So the slower of two servers would be charged for more than it
 * does. What keeps them awake is of the lowest class (`SCHED_IDLE`), and gives way to everybody.
 */
export async function keepAwake<Result>(work: () => Promise<Result>): Promise<Result> {
  const idlers = Array.from({ length: availableParallelism() }, idler)
  try {
    await Promise.all(idlers.map((each) => once(each, 'spawn')))
    return await work()
  } finally {
    for (const each of idlers) each.kill('SIGKILL')
  }
}

function idler(): ChildProcess {
  return spawn('chrt', ['--idle', '0', process.execPath, '-e', 'for (;;);'], { stdio: 'ignore' })
}
