/** The load generator, in a process of its own. Every run ends by itself, and nothing leaves loopback. */
import { percentiles } from '../statistics.js'
import { Connection } from './connection.js'
import type { Job, Outcome } from './job.js'
import { closedLoop, openLoop } from './loops.js'
import { createRequestSource } from './requests.js'

/** Milliseconds after which a run that should have ended is given up. */
const overtimeMs = 20_000

process.on('message', async (job: Job) => {
  process.send?.(await run(job))
})
process.on('disconnect', () => process.exit())

async function run(job: Job): Promise<Outcome> {
  const { hostname, port } = new URL(job.url)
  if (hostname !== '127.0.0.1') throw new Error(`load is sent to 127.0.0.1 only, not to ${hostname}`)
  const source = createRequestSource(job)
  let fail: (error: Error) => void = () => {}
  const failed = new Promise<never>((_resolve, reject) => {
    fail = reject
  })
  failed.catch(() => {})
  const overtime = setTimeout(() => fail(new Error('a server did not answer in time')), job.seconds * 1000 + overtimeMs)
  const connections = await Promise.all(
    Array.from({ length: job.connections }, () => Connection.open(Number(port), fail)),
  )
  try {
    const loop = job.rate === undefined ? closedLoop : openLoop
    const began = performance.now()
    const { times, statuses } = await Promise.race([loop(job, connections, source), failed])
    const seconds = (performance.now() - began) / 1000
    const [p50, p95, p99] = percentiles(times, [0.5, 0.95, 0.99]) as [number, number, number]
    const tokens = source.tokens
    const answers = times.length
    const figures = { answers, requestsPerSecond: answers / seconds, p50, p95, p99, statuses }
    return tokens === undefined ? figures : { ...figures, tokens }
  } finally {
    clearTimeout(overtime)
    for (const connection of connections) connection.close()
  }
}
