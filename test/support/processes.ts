import type { IdentSphereOptions } from '../../lib/features.js'
import type { TestApp } from './app.js'
import { type Child, startChild } from './child.js'
import { Client } from './client.js'

/** A node in a process of its own, with the routes of IdentSphere and a guarded one at `/guarded`. */
export interface ServerProcess extends Pick<Child, 'advance' | 'stop'> {
  url: string
  client(): Client
  /** The same browser, sent here by a load balancer. */
  clientWithCookiesOf(browser: Client): Client
}

/** Starts another process of the same service: same database, secrets and public address. */
export async function startProcess(
  app: TestApp,
  options: Pick<IdentSphereOptions, 'refreshGraceSeconds'> = {},
): Promise<ServerProcess> {
  const given = { database: app.databaseUrl, publicBaseUrl: app.url, ...options }
  const child = await startChild('server-process.ts', given, { ...process.env, ...app.environment })
  const url = `http://localhost:${child.port}${new URL(app.url).pathname.replace(/\/$/, '')}`
  return {
    url,
    client: () => new Client(url),
    clientWithCookiesOf(browser) {
      const client = new Client(url)
      for (const [name, cookie] of browser.cookies) client.cookies.set(name, cookie)
      return client
    },
    advance: child.advance,
    stop: child.stop,
  }
}
