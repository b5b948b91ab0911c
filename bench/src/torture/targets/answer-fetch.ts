import { idOf, type Kit } from '../kit.ts'

/** Answers a request of the Web kind. */
export function answerFetch(kit: Kit, request: Request): Response | Promise<Response> {
  const asked = {
    get signal() {
      return request.signal
    },
    body: () => chunks(request.body),
  }
  const answer = kit.answer(asked, request.url)
  const id = idOf(request.url)
  return answer instanceof Promise ? answer.then((settled) => respond(settled, id)) : respond(answer, id)
}

function respond({ status, body }: Awaited<ReturnType<Kit['answer']>>, id: string): Response {
  const headers = { 'x-id': id, 'content-type': 'text/plain' }
  if (status === 204) return new Response(null, { status, headers: { 'x-id': id } })
  if (typeof body === 'string') return new Response(body, { status, headers })
  return new Response(streamOf(body), { status, headers })
}

function streamOf(body: AsyncIterable<string>): ReadableStream<Uint8Array> {
  const pieces = body[Symbol.asyncIterator]()
  const encoder = new TextEncoder()
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await pieces.next()
      if (done) controller.close()
      else controller.enqueue(encoder.encode(value))
    },
    cancel() {
      // One that is stuck gives no answer to that, and nobody waits for it.
      void pieces.return?.()
    },
  })
}

async function* chunks(body: ReadableStream<Uint8Array> | null): AsyncGenerator<Uint8Array> {
  if (!body) return
  const reader = body.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    yield value
  }
}
