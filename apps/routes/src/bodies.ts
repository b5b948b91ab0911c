import { sleep } from './sleep.ts'

const LARGE_BYTES = 10 * 1024 * 1024

const encoder = new TextEncoder()

export function largeBody(): Uint8Array<ArrayBuffer> {
  return new Uint8Array(LARGE_BYTES).fill('a'.charCodeAt(0))
}

/** Half a page, and then an error. */
export function brokenPage(): ReadableStream<Uint8Array<ArrayBuffer>> {
  const parts = ['<h1>secret-of-template</h1>', '<ul><li>first</li>']
  return new ReadableStream({
    async pull(controller) {
      await sleep(1)
      const part = parts.shift()
      if (part === undefined) throw new Error('Template failed: item 2 has no name')
      controller.enqueue(encoder.encode(part))
    },
  })
}

/** One chunk, and then nothing, without ever ending. */
export function stalledBody(): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    start: (controller) => controller.enqueue(encoder.encode('the first half\n')),
  })
}

/** The time as server-sent events, one each `everyMs` milliseconds, until nobody reads them. */
export function eventStream(everyMs: number): ReadableStream<Uint8Array<ArrayBuffer>> {
  let id = 0
  return new ReadableStream({
    async pull(controller) {
      if (id > 0) await sleep(everyMs)
      controller.enqueue(encoder.encode(`id: ${id++}\ndata: ${new Date().toISOString()}\n\n`))
    },
  })
}

/** How many bytes a body has, and their SHA-256 in hex. */
export async function receipt(body: Uint8Array<ArrayBuffer>): Promise<{ bytes: number; sha256: string }> {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', body))
  return {
    bytes: body.byteLength,
    sha256: Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join(''),
  }
}
