// Runs as it is on Bun and Deno, and says how many requests at once have seen a scope that is not theirs.
import { currentScope } from '../src/context.ts'
import { guard, scopeOf } from '../src/index.ts'

let wrong = 0
const guarded = guard(
  async (request) => {
    const look = (): void => {
      if (currentScope() !== scopeOf(request)) wrong++
    }
    look()
    request.signal.addEventListener('abort', look)
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 40))
    look()
    return new Response()
  },
  { timeoutMs: 20 },
)
const replies = Array.from({ length: 100 }, (_, index) => guarded(new Request(`http://localhost/${index}`)))
const statuses = new Set((await Promise.all(replies)).map(({ status }) => status))
await new Promise((resolve) => setTimeout(resolve, 60))
console.log(JSON.stringify({ wrong, outside: currentScope() === undefined, statuses: [...statuses].sort() }))
