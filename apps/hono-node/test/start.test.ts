import { expect, test } from 'vitest'
import { started } from './started.ts'

test('the start prints its address, curl lines to paste, and then a line for each ending', async () => {
  const { url, line, stop } = await started()
  expect(await line('curl -i ')).toContain(`${url}/short`)
  await line('How each request ends')

  expect((await fetch(`${url}/short`)).status).toBe(200)
  expect(await line('200 GET /short')).toMatch(/^200 GET \/short: completed after \d+ ms$/)
  expect((await fetch(`${url}/long?name=Ada`)).status).toBe(503)
  expect(await line('503 GET /long')).toMatch(/: timed-out while handling after \d+ ms$/)
  expect(await line('SayHello(Ada): cancelled')).toBeTruthy()
  const leaving = new AbortController()
  const left = expect(fetch(`${url}/long?name=Eve`, { signal: leaving.signal })).rejects.toThrow()
  await line('SayHello(Eve): started')
  leaving.abort()
  await left
  expect(await line('499 GET /long')).toMatch(/: client-closed while handling after \d+ ms$/)
  expect((await fetch(`${url}/panic-late`)).status).toBe(503)
  expect(await line('GET /panic-late')).toMatch(/: abandoned, failed \d+ ms later$/)

  expect(await stop()).toEqual([0, null])
})
