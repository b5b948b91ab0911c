import hapi from '@hapi/hapi'
import { HOST, LIMIT_MS, TEXT, workAt } from '../work.ts'
import type { Servers } from './servers.ts'

async function serve(server: number | false): Promise<number> {
  const app = hapi.server({ port: 0, host: HOST, debug: false, routes: { timeout: { server } } })
  app.route({
    method: 'GET',
    path: '/{work}',
    handler: async (request) => {
      const work = workAt(request.path)
      if (work) await work
      return TEXT
    },
  })
  await app.start()
  return app.info.port as number
}

export const servers: Servers = {
  bare: () => serve(false),
  'timeout.server': () => serve(LIMIT_MS),
}
