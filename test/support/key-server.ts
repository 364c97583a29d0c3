import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** An address that serves a key set, or misbehaves as a test wants it to. */
export interface KeyServer {
  readonly url: string
  /** Requests so far. */
  readonly requests: number
  /** Serves this from now on. */
  serve(body: unknown, headers?: Record<string, string>): void
  /** Answers itself from now on. */
  answer(handle: (request: IncomingMessage, response: ServerResponse) => void): void
  close(): Promise<void>
}

export async function startKeyServer(): Promise<KeyServer> {
  let requests = 0
  let handle: (request: IncomingMessage, response: ServerResponse) => void
  const server = createServer((request, response) => {
    requests += 1
    handle(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
  const keyServer: KeyServer = {
    url: `http://localhost:${(server.address() as AddressInfo).port}/jwks.json`,
    get requests() {
      return requests
    },
    serve(body, headers = { 'content-type': 'application/json' }) {
      keyServer.answer((_request, response) => {
        response.writeHead(200, headers).end(typeof body === 'string' ? body : JSON.stringify(body))
      })
    },
    answer(given) {
      handle = given
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  keyServer.serve({ keys: [] })
  return keyServer
}
