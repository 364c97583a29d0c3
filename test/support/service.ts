import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { IdentSphereOptions } from '../../lib/features.js'
import { Client } from './client.js'
import { compiled } from './compiled.js'

/** What a service is started with: what fits into JSON of the options. */
export interface ServiceOptions extends Pick<IdentSphereOptions, 'refreshGraceSeconds' | 'passwords'> {
  database: string
  /** Connects with a Knex instance of the host's of so many connections, instead of by URL. */
  poolSize?: number
  /** Shared by processes that are nodes of one service. Default: one of its own. */
  secret?: string
}

/** A question to the process. */
export interface Asked {
  id: number
  ask: 'lines' | 'received' | 'memory' | 'hold' | 'release' | 'close'
  count?: number
}

/** Express with guarded routes and the router of IdentSphere, in a process of its own. */
export interface Service {
  readonly url: string
  client(): Client
  /** What it has logged. */
  lines(): Promise<string[]>
  /** Requests that have arrived. */
  received(): Promise<number>
  /** Resident memory in bytes. */
  memory(): Promise<number>
  /** Opens so many transactions of the host's and keeps them open. */
  hold(count: number): Promise<void>
  release(): Promise<void>
  /** Whether the process still runs; an unhandled rejection would have ended it. */
  isRunning(): boolean
  /** Closes server and IdentSphere and waits until the process ends by itself. @returns its exit code, 9 if it had to be ended */
  close(): Promise<number | null>
}

export async function startService({ secret, ...options }: ServiceOptions): Promise<Service> {
  const child = fork(compiled('test/support/service-process.ts'), [JSON.stringify(options)], {
    env: {
      ...process.env,
      NODE_ENV: 'test',
      IDENTSPHERE_JWT_SECRET: secret ?? randomBytes(32).toString('base64url'),
    },
  })
  const [{ url }] = (await once(child, 'message')) as [{ url: string }]
  const ask = questions(child)
  return {
    url,
    client: () => new Client(url),
    lines: () => ask('lines') as Promise<string[]>,
    received: () => ask('received') as Promise<number>,
    memory: () => ask('memory') as Promise<number>,
    hold: async (count) => void (await ask('hold', count)),
    release: async () => void (await ask('release')),
    isRunning: () => child.exitCode === null && child.signalCode === null,
    async close() {
      if (child.exitCode !== null) return child.exitCode
      const ended = once(child, 'exit')
      await ask('close')
      return (await ended)[0]
    },
  }
}

function questions(child: ChildProcess) {
  let last = 0
  const waiting = new Map<number, { resolve(answer: unknown): void; reject(error: Error): void }>()
  child.on('message', ({ id, answer }: { id: number; answer: unknown }) => {
    waiting.get(id)?.resolve(answer)
    waiting.delete(id)
  })
  child.on('exit', (code, signal) => {
    for (const { reject } of waiting.values()) reject(new Error(`the service ended with ${signal ?? code}`))
    waiting.clear()
  })
  return (ask: Asked['ask'], count?: number): Promise<unknown> => {
    last += 1
    const id = last
    return new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject })
      child.send({ id, ask, count })
    })
  }
}
