import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { IdentSphereOptions } from '../../lib/config/options.js'
import type { TestApp } from './app.js'
import { Client } from './client.js'

/** A node in a process of its own, with the routes of IdentSphere and a guarded one at `/guarded`. */
export interface ServerProcess {
  url: string
  client(): Client
  /** The same browser, sent here by a load balancer. */
  clientWithCookiesOf(browser: Client): Client
  /** Moves the clock of this process. */
  advance(seconds: number): Promise<void>
  stop(): Promise<void>
}

/** Starts another process of the same service: same database, secrets and public address. */
export async function startProcess(
  app: TestApp,
  options: Pick<IdentSphereOptions, 'refreshGraceSeconds'> = {},
): Promise<ServerProcess> {
  const given = JSON.stringify({ database: app.databaseUrl, publicBaseUrl: app.url, ...options })
  const child = fork(join(import.meta.dirname, 'server-process.ts'), [given], {
    execArgv: process.execArgv, // tsx and the network trap
    env: { ...process.env, ...app.environment },
  })
  const failed = once(child, 'exit').then(([code]) => Promise.reject(new Error(`the process ended with ${code}`)))
  const [{ port }] = await Promise.race([once(child, 'message'), failed])
  failed.catch(() => {})
  const url = `http://localhost:${port}${new URL(app.url).pathname.replace(/\/$/, '')}`
  return {
    url,
    client: () => new Client(url),
    clientWithCookiesOf(browser) {
      const client = new Client(url)
      for (const [name, cookie] of browser.cookies) client.cookies.set(name, cookie)
      return client
    },
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
