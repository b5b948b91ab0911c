import { thrownBy } from './support.ts'

/** The body by its chunks, as whoever reads it gets them. */
export async function chunks(stream: ReadableStream<Uint8Array> | null): Promise<unknown> {
  const read: unknown[] = []
  for await (const chunk of stream as unknown as AsyncIterable<unknown>) read.push(plain(chunk))
  return read
}

export async function text(stream: ReadableStream<Uint8Array> | null): Promise<string> {
  return new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).text()
}

/** The ways in which handlers read bodies, each with what it saw. */
export const readers: Record<string, (request: Request) => unknown> = {
  'text()': (request) => request.text(),
  'json()': (request) => request.json(),
  'arrayBuffer()': (request) => request.arrayBuffer(),
  'bytes()': (request) => request.bytes(),
  'blob()': (request) => request.blob(),
  'formData()': (request) => request.formData(),
  'bytes() twice': async (request) => [await request.bytes(), await thrownBy(() => request.bytes())],
  'text() twice': async (request) => [await request.text(), await thrownBy(() => request.text())],
  'text() twice at once': (request) => Promise.allSettled([request.text(), request.text()]),
  'json() after text()': async (request) => [await request.text(), await thrownBy(() => request.json())],
  'every method after text()': async (request) => {
    await request.text()
    const methods = ['text', 'json', 'arrayBuffer', 'blob', 'formData'] as const
    return Promise.allSettled(methods.map((method) => request[method]()))
  },
  'bodyUsed at once': async (request) => {
    const before = request.bodyUsed
    const reading = request.text()
    return [before, request.bodyUsed, await reading, request.bodyUsed]
  },
  'the body after text()': async (request) => {
    await request.text()
    return [request.bodyUsed, request.body?.locked, await thrownBy(() => request.body!.getReader())]
  },
  'body, looked at': (request) => {
    const { body } = request
    return [
      body === null,
      body === request.body,
      body?.locked,
      body instanceof ReadableStream,
      request.bodyUsed,
    ]
  },
  'body by chunks': (request) => chunks(request.body),
  'body by a reader': async (request) => {
    const reader = request.body!.getReader()
    const states: unknown[] = [request.bodyUsed, request.body!.locked]
    for (;;) {
      const { done, value } = await reader.read()
      states.push(done, plain(value), request.bodyUsed)
      if (done) break
    }
    reader.releaseLock()
    return [...states, request.body!.locked, await thrownBy(() => request.text())]
  },
  'body by a reader that brings its own buffer': async (request) => {
    const reader = request.body!.getReader({ mode: 'byob' })
    const states: unknown[] = []
    for (let buffer = new ArrayBuffer(5); ; ) {
      const { done, value } = await reader.read(new Uint8Array(buffer))
      states.push(done, plain(value))
      if (done) return states
      buffer = value!.buffer as ArrayBuffer
    }
  },
  'body, one chunk and the rest cancelled': async (request) => {
    const reader = request.body!.getReader()
    const first = await reader.read()
    return [plain(first.value), await reader.cancel('enough'), request.bodyUsed, await reader.read()]
  },
  'body, cancelled unread': async (request) => {
    await request.body!.cancel('no need')
    return [request.bodyUsed, await thrownBy(() => request.text())]
  },
  'body, left in the middle of a loop': async (request) => {
    for await (const chunk of request.body as unknown as AsyncIterable<Uint8Array>) {
      return [plain(chunk), request.bodyUsed]
    }
    return 'nothing'
  },
  'body by pipeTo()': async (request) => {
    const read: unknown[] = []
    await request.body!.pipeTo(new WritableStream({ write: (chunk) => void read.push(plain(chunk)) }))
    return [read, request.bodyUsed]
  },
  'body by pipeThrough()': (request) =>
    chunks(request.body!.pipeThrough(new TransformStream<Uint8Array, Uint8Array>())),
  'body by tee()': async (request) => {
    const [left, right] = request.body!.tee()
    const used = await thrownBy(() => request.text())
    return [used, await Promise.all([text(left), text(right)])]
  },
  'body as that of a response': async (request) => {
    const response = new Response(request.body)
    return [await response.text(), request.bodyUsed, await thrownBy(() => request.text())]
  },
  'body as that of another request': (request) =>
    new Request('http://localhost/', {
      method: 'PUT',
      body: request.body,
      duplex: 'half',
    } as RequestInit).text(),
  'text() after body was looked at': async (request) => {
    const { body } = request
    return [await request.text(), body?.locked, request.bodyUsed, await thrownBy(() => request.json())]
  },
  'json() after body was looked at': (request) => request.body && request.json(),
  'blob() after body was looked at': (request) => request.body && request.blob(),
  'formData() after body was looked at': (request) => request.body && request.formData(),
  'text() while a reader has the body': async (request) => {
    request.body!.getReader()
    return [request.bodyUsed, await thrownBy(() => request.text())]
  },
  'text() after a reader was given up': async (request) => {
    request.body!.getReader().releaseLock()
    return request.text()
  },
  'clone()': async (request) => {
    const copy = request.clone()
    return [await request.text(), await copy.text(), request.bodyUsed, copy.bodyUsed]
  },
  'clone(), and only the copy is read': async (request) => {
    const copy = request.clone()
    return [await copy.json(), request.bodyUsed, await request.json()]
  },
  'clone() after text()': async (request) => {
    await request.text()
    return request.clone()
  },
  'clone() after body was looked at': async (request) => {
    void request.body
    const copy = request.clone()
    return [await request.text(), await copy.text()]
  },
  'clone() while a reader has the body': async (request) => {
    const reader = request.body!.getReader()
    return [await thrownBy(() => request.clone()), plain((await reader.read()).value)]
  },
  'clone() after the body was cancelled': async (request) => {
    await request.body!.cancel()
    return request.clone()
  },
  'clone() of a clone()': async (request) => {
    const copies = [request.clone(), request.clone()]
    return Promise.all([request, ...copies].map((each) => each.text()))
  },
  'new Request(request)': async (request) => {
    const copy = new Request(request)
    return [request.bodyUsed, await copy.text(), await thrownBy(() => request.text())]
  },
  'new Request(request) after text()': async (request) => {
    await request.text()
    return new Request(request)
  },
  'new Request(request) after body was looked at': async (request) => {
    void request.body
    const copy = new Request(request)
    return [request.bodyUsed, await copy.text()]
  },
  'new Request(url, request)': async (request) => {
    const copy = new Request('http://localhost/other', request)
    return [copy.method, await copy.text(), request.bodyUsed]
  },
}

/** What can be compared: contents of bytes, blobs and forms, and of errors what somebody may look at. */
async function comparable(value: unknown): Promise<unknown> {
  if (value instanceof Error)
    return { error: value.constructor.name, name: value.name, message: value.message }
  if (value instanceof Blob) {
    const name = value instanceof File ? value.name : undefined
    return { blob: await value.text(), type: value.type, size: value.size, name }
  }
  if (value instanceof FormData) return comparable([...value])
  if (Object.prototype.toString.call(value) === '[object Request]') return { request: (value as Request).url }
  if (Array.isArray(value)) return Promise.all(value.map(comparable))
  if (typeof value === 'object' && value !== null && 'status' in value) {
    const { reason, ...settled } = value as { reason?: unknown }
    return {
      ...settled,
      value: await comparable((value as { value?: unknown }).value),
      ...(await named(reason)),
    }
  }
  return plain(value)
}

async function named(reason: unknown): Promise<object> {
  return reason === undefined ? {} : { reason: await comparable(reason) }
}

function plain(value: unknown): unknown {
  if (value instanceof ArrayBuffer) return { buffer: [...new Uint8Array(value)] }
  return ArrayBuffer.isView(value) ? { bytes: [...(value as Uint8Array)] } : value
}

/** What was read, or thrown, in a form that can be compared. */
export async function seen(request: Request, read: (request: Request) => unknown): Promise<unknown> {
  try {
    return await comparable(await read(request))
  } catch (error) {
    return { thrown: await comparable(error) }
  }
}
