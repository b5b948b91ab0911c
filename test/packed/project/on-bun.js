import { guard } from '@curfew/bun'
import { answers, handler, options } from './handler.js'
import { names } from './names.js'

const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: guard(handler, options) })
console.log(JSON.stringify({ names, answers: await answers(fetch, `http://127.0.0.1:${server.port}`) }))
await server.stop(true)
