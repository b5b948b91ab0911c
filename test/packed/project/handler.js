/** A handler that answers, and that does not. */
export async function handler(request) {
  return request.url.endsWith('/slow') ? new Promise(() => {}) : new Response('hello')
}

export const options = { timeoutMs: 50 }

/** How it answers when it is guarded: [[200, 'hello'], [503, 'HANDLER_TIMEOUT']]. */
export async function answers(fetch, origin) {
  const [quick, slow] = [await fetch(`${origin}/quick`), await fetch(`${origin}/slow`)]
  return [
    [quick.status, await quick.text()],
    [slow.status, (await slow.json()).code],
  ]
}
