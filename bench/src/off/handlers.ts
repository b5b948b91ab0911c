export type HandlerName =
  | 'a synchronous response'
  | 'a resolved promise'
  | 'a handler that awaits three times'

const response = new Response('hi')
const settled = Promise.resolve(response)

export const handlers: Readonly<Record<HandlerName, () => Response | Promise<Response>>> = {
  'a synchronous response': () => response,
  'a resolved promise': () => settled,
  'a handler that awaits three times': async () => {
    for (let i = 0; i < 3; i++) await undefined
    return response
  },
}
