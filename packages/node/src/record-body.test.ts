import { describe, expect, test } from 'vitest'
import { type BodyRecord, recordBody } from '../../core/src/report/record-body.ts'
import { readers, seen } from '../../core/test/body-readers.ts'
import { call, fetched, Journal, type Protocol, session, start, watchOutput } from '../test/support.ts'

const multipart = [
  '--limit\r\nContent-Disposition: form-data; name="name"\r\n\r\nAda\r\n',
  '--limit\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\nContent-Type: a/b\r\n\r\n\0\x01\r\n',
  '--limit--\r\n',
].join('')

const bodies: Record<string, readonly [body: string, type?: string]> = {
  text: ['hello'],
  JSON: ['{"a":[1,{"b":"x"}]}', 'application/json'],
  'JSON that does not parse': ['{"a":', 'application/json'],
  'a form': ['a=1&b=%C3%BC+x', 'application/x-www-form-urlencoded'],
  'a multipart form': [multipart, 'multipart/form-data; boundary=limit'],
  nothing: [''],
}

/** node-server's own request fails at `bytes()`, and has it only while it is recorded. */
const methods = Object.entries(readers).filter(([name]) => !name.startsWith('bytes()'))

// Once node-server has replaced the globals they stay replaced, so those without come first.
describe.each([
  ['http', false],
  ['http', true],
  ['h2c', true],
] as const)('over %s, with overrideGlobalObjects: %s', (protocol, overrideGlobalObjects) => {
  test.each(methods)('%s does what it does without a record', async (_, read) => {
    const output = watchOutput()
    const { port } = await start(
      async (request) => {
        if (request.url.endsWith('/recorded')) recordBody(request, 4)
        return Response.json(await seen(request, read))
      },
      { protocol, overrideGlobalObjects },
    )
    const shared = protocol === 'h2c' ? { session: session(protocol, port) } : {}
    for (const [name, [body, type]] of Object.entries(bodies)) {
      const options = { ...shared, method: 'POST', headers: type ? { 'content-type': type } : {}, body }
      const recorded = await fetched(protocol, port, { ...options, path: '/recorded' })
      const plain = await fetched(protocol, port, { ...options, path: '/' })
      expect([name, recorded.body.replaceAll('/recorded', '/')]).toEqual([name, plain.body])
    }
    expect(output).toEqual([])
  })

  test('the record has what the handler read', async () => {
    for (const read of ['text', 'json', 'arrayBuffer', 'bytes', 'blob', 'body'] as const) {
      const { port, records } = await recording(protocol, async (request) => {
        if (read === 'body') for await (const _ of request.body as unknown as AsyncIterable<Uint8Array>);
        else await request[read]()
      })
      await fetched(protocol, port, { method: 'POST', body: '{"a":1}' })
      const record = await records.first()
      expect(record).toMatchObject({ bytes: 7, ended: true })
      expect(decoded(record)).toBe('{"a":1}')
    }
  })

  test('an upload in pieces is read as they come', async () => {
    const came = new Journal<string>()
    const { port, records } = await recording(protocol, async (request) => {
      for await (const chunk of request.body as unknown as AsyncIterable<Uint8Array>) {
        came.add(new TextDecoder().decode(chunk))
      }
    })
    const upload = call(protocol, port, { method: 'POST' })
    upload.write('one ')
    await came.reached(1)
    expect(await records.first()).toMatchObject({ bytes: 4, ended: false })
    upload.write('two ')
    await came.reached(2)
    upload.end('three')
    expect((await upload.answer).status).toBe(200)
    expect(came.all).toEqual(['one ', 'two ', 'three'])
    const record = await records.first()
    expect(record).toMatchObject({ bytes: 13, ended: true })
    expect(decoded(record)).toBe('one two th')
  })

  test('10 MB arrive whole, and little of them is kept', async () => {
    for (const read of ['text', 'body'] as const) {
      const { port, records } = await recording(protocol, async (request) => {
        const text = read === 'text' ? request.text() : new Response(request.body).text()
        expect((await text).length).toBe(10_000_000)
      })
      const body = 'x'.repeat(10_000_000)
      expect((await fetched(protocol, port, { method: 'POST', body })).status).toBe(200)
      const record = await records.first()
      expect(record).toMatchObject({ bytes: 10_000_000, ended: true })
      expect(decoded(record)).toBe('x'.repeat(10))
    }
  })

  test('a client that leaves in the middle breaks the body as it does without a record', async () => {
    const output = watchOutput()
    const errors = new Journal<unknown>()
    const begun = new Journal<string>()
    const { port } = await start(
      async (request) => {
        if (request.url.endsWith('/recorded')) recordBody(request, 10)
        const reader = request.body!.getReader()
        await reader.read()
        begun.add(request.url)
        errors.add(await seen(request, () => reader.read()))
      },
      { protocol, overrideGlobalObjects },
    )
    for (const [index, path] of ['/recorded', '/'].entries()) {
      const upload = call(protocol, port, { method: 'POST', path })
      upload.write('half')
      await begun.reached(index + 1)
      upload.leave()
      await errors.reached(index + 1)
    }
    expect(errors.all[0]).toHaveProperty(protocol === 'http' ? 'thrown' : 'done')
    expect(errors.all[0]).toEqual(errors.all[1])
    expect(output).toEqual([])
  })

  /** A server that records 10 bytes of each body, and what is in its records. */
  async function recording(protocol: Protocol, read: (request: Request) => Promise<unknown>) {
    const records = new Journal<BodyRecord>()
    const { port } = await start(
      async (request) => {
        records.add(recordBody(request, 10)!)
        await read(request)
        return new Response()
      },
      { protocol, overrideGlobalObjects },
    )
    return { port, records }
  }
})

function decoded(record: BodyRecord): string {
  return new TextDecoder().decode(record.kept())
}
