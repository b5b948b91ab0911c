import { type HandlerResult, NoResponseError } from '@curfew/core'
import {
  attachClient,
  attachedClient,
  clientClosedResponse,
  isThenable,
  type OpenRequests,
} from '@curfew/core/adapter'
import { DenoClient } from './deno-client.ts'
import type { ServeInfo } from './runtime.ts'

/** What Deno calls. */
export type ServeHandler<Info> = (request: Request, info: Info) => HandlerResult | PromiseLike<HandlerResult>

/** What Deno answers with where a handler threw. */
export type ErrorHandler = (error: unknown) => Response | Promise<Response>

/**
 * The handler with a watched client for each request, and with an answer that Deno survives. After
 * `Deno.upgradeWebSocket()` Deno stops the whole server if anything but a 101 comes back, an error included; whatever
 * does come back then is passed off as one. Its head says what it is all the same.
 */
export function answering<Info extends ServeInfo<unknown>>(
  handler: ServeHandler<Info>,
  onError: ErrorHandler,
  open?: OpenRequests,
  sent: (response: Response) => Response = (response) => response,
): (request: Request, info: Info) => Response | Promise<Response> {
  function check(response: HandlerResult, client: DenoClient): Response | Promise<Response> {
    if (response?.status === 101 || !client.isTaken) return response as Response
    return response ? disguised(response) : failed(new NoResponseError(response), client)
  }

  function failed(error: unknown, client: DenoClient): Response | Promise<Response> {
    // Nobody is there to be told of an error that may well come from that.
    if (client.closed) return clientClosedResponse()
    if (!client.isTaken) throw error
    const response = onError(error)
    return isThenable(response) ? response.then(disguised) : disguised(response)
  }

  return (request, info) => {
    const client = clientOf(request, info, open)
    open?.began()
    let result: ReturnType<typeof handler>
    try {
      result = handler(request, info)
    } catch (error) {
      open?.answered()
      return failed(error, client)
    }
    if (isThenable(result)) {
      return result.then(
        (response) => answered(response, client),
        (error) => {
          open?.answered()
          return failed(error, client)
        },
      ) as Promise<Response>
    }
    return answered(result, client)
  }

  function answered(response: HandlerResult, client: DenoClient): Response | Promise<Response> {
    open?.answered()
    const checked = check(response, client)
    return isThenable(checked) ? checked : sent(checked)
  }
}

function clientOf(request: Request, info: ServeInfo<unknown> | undefined, open?: OpenRequests): DenoClient {
  const attached = attachedClient(request)
  if (attached instanceof DenoClient) return attached
  const client = new DenoClient(request, info, open)
  attachClient(request, client)
  return client
}

function disguised(response: Response): Response {
  return Object.defineProperty(response, 'status', { value: 101 })
}
