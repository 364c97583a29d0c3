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
  /** Runs a job now instead of when its time comes; does nothing where the worker was not started. */
  wake(name: string): void
  /** Runs every job until none has more to do: for tests and for what is called from a schedule. */
  drain(): Promise<void>
  /** Waits for the runs that are under way. */
  close(): Promise<void>
}

/** Most runs of one job in a row, so that no job starves the others. */
const longestStreak = 20

interface Scheduled {
  readonly job: Job
  timer: NodeJS.Timeout | undefined
  running: Promise<void> | undefined
  /** Something came up while it ran. */
  again: boolean
}

export function createWorker(jobs: readonly Job[], logger: Logger): Worker {
  const scheduled: Scheduled[] = jobs.map((job) => ({ job, timer: undefined, running: undefined, again: false }))
  let started = false
  let closed = false

  /** @returns whether it stopped with more to do */
  async function streak(job: Job): Promise<boolean> {
    try {
      for (let runs = 0; runs < longestStreak && !closed; runs += 1) {
        if (!(await job.run())) return false
      }
      return !closed
    } catch (error) {
      logger.warn({ err: error, job: job.name }, 'a background job failed and will run again')
      return false
    }
  }

  function schedule(entry: Scheduled, seconds: number): void {
    clearTimeout(entry.timer)
    if (closed) return
    entry.timer = setTimeout(() => {
      entry.again = false
      entry.running = streak(entry.job).then((more) => {
        entry.running = undefined
        schedule(entry, more || entry.again ? 0 : entry.job.everySeconds)
      })
    }, seconds * 1000)
    entry.timer.unref()
  }

  return {
    start() {
      if (started) return
      started = true
      for (const entry of scheduled) schedule(entry, entry.job.everySeconds)
    },
    wake(name) {
      if (!started) return
      const entry = scheduled.find(({ job }) => job.name === name)
      if (entry === undefined) return
      entry.again = true
      if (entry.running === undefined) schedule(entry, 0)
    },
    async drain() {
      for (const { job } of scheduled) {
        while (!closed && (await job.run()));
      }
    },
    async close() {
      closed = true
      for (const { timer } of scheduled) clearTimeout(timer)
      await Promise.all(scheduled.map(({ running }) => running))
    },
  }
}
