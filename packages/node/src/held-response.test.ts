import type { IncomingMessage, ServerResponse } from 'node:http'
import { setFlagsFromString } from 'node:v8'
import { expect, test } from 'vitest'
import { fetched, startListener } from '../test/support.ts'

test('neither a response that is held nor its request becomes a slow dictionary of V8', async () => {
  setFlagsFromString('--allow-natives-syntax')
  const isFast = new Function('object', 'return %HasFastProperties(object)') as (object: object) => boolean
  const seen: boolean[] = []
  const look = (req: IncomingMessage, res: ServerResponse): void => void seen.push(isFast(req), isFast(res))
  const { port } = await startListener((req, res) => {
    look(req, res)
    res.setHeader('x-one', '1')
    res.end('ok')
    look(req, res)
  })
  expect((await fetched('http', port)).status).toBe(200)
  expect(seen).toEqual([true, true, true, true])
})
