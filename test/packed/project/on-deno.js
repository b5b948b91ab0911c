import { guard } from '@curfew/deno'
import { answers, handler, options } from './handler.js'
import { names } from './names.js'

const server = Deno.serve({ port: 0, hostname: '127.0.0.1', onListen() {} }, guard(handler, options))
console.log(JSON.stringify({ names, answers: await answers(fetch, `http://127.0.0.1:${server.addr.port}`) }))
await server.shutdown()
