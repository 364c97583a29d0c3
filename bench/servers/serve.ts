import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PerformanceObserver } from 'node:perf_hooks'

/** What a server process used since the last time it was asked. */
export interface Usage {
  /** Processor time of all its threads, in milliseconds. */
  cpuMs: number
  /** Time in garbage collection, in milliseconds. */
  gcMs: number
  /** Resident bytes now. */
  rss: number
}

/** Waits for the message that a server is started with. */
export function input<T>(): Promise<T> {
  return new Promise((resolve) => process.once('message', (message) => resolve(message as T)))
}

/** Serves on a free port of loopback, tells the parent the address, and answers its questions about usage. */
export async function serve(app: RequestListener): Promise<void> {
  const usage = meter()
  process.on('message', () => process.send?.(usage()))
  process.on('disconnect', () => process.exit())
  const server = createServer(app)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  process.send?.({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
}

function meter(): () => Usage {
  let gcMs = 0
  const add = (entries: readonly { duration: number }[]) => {
    for (const { duration } of entries) gcMs += duration
  }
  const observer = new PerformanceObserver((list) => add(list.getEntries()))
  observer.observe({ entryTypes: ['gc'] })
  let cpu = process.cpuUsage()
  return () => {
    add(observer.takeRecords())
    const { user, system } = process.cpuUsage(cpu)
    const used = { cpuMs: (user + system) / 1000, gcMs, rss: process.memoryUsage.rss() }
    cpu = process.cpuUsage()
    gcMs = 0
    return used
  }
}
