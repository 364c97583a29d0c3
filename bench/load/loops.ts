import type { Connection } from './connection.js'
import type { Job } from './job.js'
import type { RequestSource } from './requests.js'

/** What a loop saw. */
export interface Seen {
  /** Milliseconds of each answer. */
  times: number[]
  statuses: Record<string, number>
}

/** Each connection sends its next request as soon as it has an answer. The server sets the pace. */
export function closedLoop(job: Job, connections: readonly Connection[], source: RequestSource): Promise<Seen> {
  const seen: Seen = { times: [], statuses: {} }
  const end = performance.now() + job.seconds * 1000
  let open = connections.length
  return new Promise((resolve) => {
    connections.forEach((connection, index) => {
      const sendNext = () => {
        const request = performance.now() < end ? source.next(index) : undefined
        if (request === undefined) {
          open -= 1
          if (open === 0) resolve(seen)
          return
        }
        const sentAt = performance.now()
        connection.send(request, (status, answer) => {
          seen.times.push(performance.now() - sentAt)
          count(seen, status)
          source.read(index, answer)
          sendNext()
        })
      }
      sendNext()
    })
  })
}

/**
 * Requests are due at fixed times, and wait if no connection is free. The wait counts, so a server that is too slow
 * for the rate shows it as latency. The timer has a resolution of 1 ms, which does not count.
 */
export function openLoop(job: Job, connections: readonly Connection[], source: RequestSource): Promise<Seen> {
  const { seconds, rate = 1 } = job
  const seen: Seen = { times: [], statuses: {} }
  const total = Math.floor(seconds * rate)
  const began = performance.now()
  /** When each request came that waits for a connection. */
  const waiting: number[] = []
  let due = 0
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      const now = performance.now()
      for (; due < total && began + (due * 1000) / rate <= now; due += 1) waiting.push(now)
      connections.forEach(sendNext)
    }, 1)

    function sendNext(connection: Connection, index: number): void {
      if (!connection.isIdle) return
      const since = waiting.shift()
      const request = since === undefined ? undefined : source.next(index)
      if (since === undefined || request === undefined) return
      connection.send(request, (status) => {
        seen.times.push(performance.now() - since)
        count(seen, status)
        if (seen.times.length < total) return sendNext(connection, index)
        clearInterval(timer)
        resolve(seen)
      })
    }
  })
}

function count(seen: Seen, status: number): void {
  seen.statuses[status] = (seen.statuses[status] ?? 0) + 1
}
