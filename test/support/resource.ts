import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Middleware } from '../../lib/core/http/router.js'
import type { ResourceServerOptions } from '../../lib/resource/options.js'
import { type Child, startChild } from './child.js'
import { Client } from './client.js'

/** Another service, in a process of its own that knows of no database, with a guarded route at `/guarded`. */
export interface ResourceProcess extends Pick<Child, 'advance' | 'stop'> {
  client(): Client
}

export async function startResourceProcess(
  options: ResourceServerOptions,
  environment: NodeJS.ProcessEnv = {},
): Promise<ResourceProcess> {
  const { PATH } = process.env
  const { port, advance, stop } = await startChild('resource-process.ts', options, {
    PATH,
    NODE_ENV: 'test',
    ...environment,
  })
  return { client: () => new Client(`http://localhost:${port}`), advance, stop }
}

/** A service in this process: the guards of `routes` by path, then 200. */
export async function startRoutes(routes: Record<string, readonly Middleware[]>): Promise<{
  client: Client
  close(): Promise<void>
}> {
  const server = createServer((request, response) => {
    const chain = routes[request.url ?? ''] ?? []
    const step = (index: number): void => {
      const middleware = chain[index]
      if (middleware === undefined) response.end('through')
      else middleware(request, response, () => step(index + 1))
    }
    step(0)
  })
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
  return {
    client: new Client(`http://localhost:${(server.address() as AddressInfo).port}`),
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
