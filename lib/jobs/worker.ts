import type { Logger } from '../config/logger.js'

/** Work that a room hands to the worker. Runs on any number of nodes at once, so it must claim rows with one statement. */
export interface Job {
  readonly name: string
  /** Seconds between two runs on one node. */
  readonly everySeconds: number
  /** @returns whether there is more to do at once */
  run(): Promise<boolean>
}

/** Runs jobs until it is closed. */
export interface Worker {
  start(): void
  /** Waits for the run that is under way. */
  close(): Promise<void>
}

/** Most runs of one job in a row, so that no job starves the others. */
const longestStreak = 20

export function createWorker(jobs: readonly Job[], logger: Logger): Worker {
  const timers = new Set<NodeJS.Timeout>()
  const running = new Set<Promise<void>>()
  let closed = false

  async function run(job: Job): Promise<void> {
    try {
      for (let streak = 0; streak < longestStreak && !closed; streak += 1) {
        if (!(await job.run())) return
      }
    } catch (error) {
      logger.warn({ err: error, job: job.name }, 'a background job failed and will run again')
    }
  }

  function schedule(job: Job): void {
    if (closed) return
    const timer = setTimeout(() => {
      timers.delete(timer)
      const current = run(job).finally(() => {
        running.delete(current)
        schedule(job)
      })
      running.add(current)
    }, job.everySeconds * 1000)
    timer.unref()
    timers.add(timer)
  }

  return {
    start() {
      for (const job of jobs) schedule(job)
    },
    async close() {
      closed = true
      for (const timer of timers) clearTimeout(timer)
      await Promise.all(running)
    },
  }
}
