/** The load generator: a closed loop over kept connections, in a process of its own. */
import autocannon from 'autocannon'
import { percentile } from './statistics.js'

export interface Sent {
  method: string
  path: string
  headers: Record<string, string>
  body?: string
}

export interface Job {
  url: string
  connections: number
  seconds: number
  /** Each connection sends these in turn, beginning at a place of its own. */
  requests: Sent[]
  /** Instead of `requests`: each connection posts the refresh token that it got last, beginning with these. */
  chains?: { path: string; tokens: string[] }
}

export interface Outcome {
  requestsPerSecond: number
  /** Milliseconds. */
  p50: number
  p95: number
  p99: number
  /** How often each status came. */
  statuses: Record<string, number>
  /** The last token of each chain. */
  chains?: string[]
}

process.on('message', async (job: Job) => {
  process.send?.(job.chains === undefined ? await hammer(job) : await rotate(job, job.chains))
})
process.on('disconnect', () => process.exit())

async function hammer({ url, connections, seconds, requests }: Job): Promise<Outcome> {
  const times: number[] = []
  let clients = 0
  const instance = autocannon({
    url,
    connections,
    duration: seconds,
    requests,
    setupClient(client) {
      const first = Math.floor((clients * requests.length) / connections)
      clients += 1
      client.setRequests([...requests.slice(first), ...requests.slice(0, first)])
    },
  })
  const began = performance.now()
  instance.on('response', (_client, _status, _bytes, milliseconds) => times.push(milliseconds))
  const result = await instance
  const statuses = Object.entries(result.statusCodeStats).map(([status, { count }]): [string, number] => [
    status,
    count,
  ])
  if (result.errors > 0) statuses.push(['errors', result.errors])
  return summary(times, performance.now() - began, Object.fromEntries(statuses))
}

async function rotate({ url, seconds }: Job, { path, tokens }: NonNullable<Job['chains']>): Promise<Outcome> {
  const times: number[] = []
  const statuses: Record<string, number> = {}
  const began = performance.now()
  const chains = await Promise.all(
    tokens.map(async (first) => {
      let token = first
      while (performance.now() - began < seconds * 1000) {
        const sent = performance.now()
        const response = await fetch(`${url}${path}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ refresh_token: token }),
        })
        const body = (await response.json()) as { refresh_token?: string }
        times.push(performance.now() - sent)
        statuses[response.status] = (statuses[response.status] ?? 0) + 1
        token = body.refresh_token ?? token
      }
      return token
    }),
  )
  return { ...summary(times, performance.now() - began, statuses), chains }
}

function summary(times: number[], milliseconds: number, statuses: Record<string, number>): Outcome {
  return {
    requestsPerSecond: times.length / (milliseconds / 1000),
    p50: percentile(times, 0.5),
    p95: percentile(times, 0.95),
    p99: percentile(times, 0.99),
    statuses,
  }
}
