import { Agent, request as httpRequest } from 'node:http'

/** One answer of a load, in the order of their ends. */
export interface Answered {
  /** Which of the requests it was, e.g. `guarded`. */
  label: string
  status: number
  /** Milliseconds since the Unix epoch. */
  began: number
  ended: number
}

export interface Load {
  readonly answered: readonly Answered[]
  /** Lets the requests under way end, sends no more, and rejects where one of them failed without an answer. */
  stop(): Promise<void>
}

/** Each worker sends its request again and again, the next after the answer to the last. */
export function startLoad(workers: ReadonlyArray<{ label: string; send: () => Promise<number> }>): Load {
  const answered: Answered[] = []
  let stopped = false
  const running = workers.map(async ({ label, send }) => {
    while (!stopped) {
      const began = Date.now()
      const status = await send()
      answered.push({ label, status, began, ended: Date.now() })
    }
  })
  const all = Promise.all(running)
  all.catch(() => {}) // stop() tells
  return {
    answered,
    async stop() {
      stopped = true
      await all
    },
  }
}

/** How often each status was answered, e.g. `{ 200: 31, 503: 4 }`. */
export function statuses(answered: readonly Pick<Answered, 'status'>[]): Record<number, number> {
  const counts: Record<number, number> = {}
  for (const { status } of answered) counts[status] = (counts[status] ?? 0) + 1
  return counts
}

/** A GET over a kept connection, which costs the two processes little. @returns the status */
export function createGet(url: string, headers: Record<string, string> = {}): () => Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  return () =>
    new Promise((resolve, reject) => {
      httpRequest(url, { headers, agent }, (incoming) => {
        incoming.resume()
        incoming.on('end', () => resolve(incoming.statusCode ?? 0))
        incoming.on('error', reject)
      })
        .on('error', reject)
        .end()
    })
}
