import { serve } from '@curfew/node'
import { answers, handler, options } from './handler.js'
import { names } from './names.js'

const server = serve({ ...options, fetch: handler, port: 0, hostname: '127.0.0.1' })
const { port } = await server.listening
console.log(JSON.stringify({ names, answers: await answers(fetch, `http://127.0.0.1:${port}`) }))
await server.close({ graceMs: 0 })
