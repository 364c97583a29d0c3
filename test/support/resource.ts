import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Middleware } from '../../lib/http/router.js'
import type { ResourceServerOptions } from '../../lib/resource/options.js'
import { Client } from './client.js'

/** Another service, in a process of its own that knows of no database, with a guarded route at `/guarded`. */
export interface ResourceProcess {
  client(): Client
  /** Moves the clock of this process. */
  advance(seconds: number): Promise<void>
  stop(): Promise<void>
}

export async function startResourceProcess(
  options: ResourceServerOptions,
  environment: NodeJS.ProcessEnv = {},
): Promise<ResourceProcess> {
  const { PATH } = process.env
  const child: ChildProcess = fork(join(import.meta.dirname, 'resource-process.ts'), [JSON.stringify(options)], {
    execArgv: process.execArgv, // tsx and the network trap
    env: { PATH, NODE_ENV: 'test', ...environment },
  })
  const failed = once(child, 'exit').then(([code]) => Promise.reject(new Error(`the process ended with ${code}`)))
  const [{ port }] = await Promise.race([once(child, 'message'), failed])
  failed.catch(() => {})
  return {
    client: () => new Client(`http://localhost:${port}`),
    async advance(seconds) {
      const advanced = once(child, 'message')
      child.send({ seconds })
      await advanced
    },
    async stop() {
      const ended = once(child, 'exit')
      child.disconnect()
      await ended
    },
  }
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
