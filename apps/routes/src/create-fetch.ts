import { type AppOptions, createApp } from './create-app.ts'
import { createHandler, type FetchHandler, type GuardFunction } from './create-handler.ts'
import type { Settings } from './settings.ts'

/** The app that was asked for, as a fetch handler: the plain one or the one in Hono. */
export function createFetch(
  guard: GuardFunction,
  { app, ...options }: AppOptions & Pick<Settings, 'app'>,
): FetchHandler {
  if (app === 'plain') return createHandler(guard, options)
  const hono = createApp(options)
  // What Hono takes after the request is what runtimes pass: `env` and `ctx`.
  return (request, ...rest) => hono.fetch(request, ...(rest as never[]))
}
