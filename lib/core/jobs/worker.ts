import type { Logger } from '../config/logger.js'

/** Work that a room hands to the worker. Runs on any number of nodes at once, so it must claim rows with one statement. */
export interface Job {
  readonly name: string
  /** Seconds between two runs on one node. */
  readonly everySeconds: number
  /**
   * @param stopped aborted where the worker stops without waiting any longer
   * @returns whether there is more to do at once
   */
  run(stopped: AbortSignal): Promise<boolean>
}

/** Runs jobs until it is closed. */
export interface Worker {
  /** @param keepAlive whether the process lives as long as the worker runs. Default false */
  start(options?: { keepAlive: boolean }): void
  /** Runs a job now instead of when its time comes; does nothing where the worker was not started. */
  wake(name: string): void
  /** Runs every job until none has more to do: for tests and for what is called from a schedule. */
  drain(): Promise<void>
  /** Begins nothing more and waits for the runs that are under way, up to {@link longestDrain}. */
  close(): Promise<void>
}

/** Milliseconds. What is claimed and not done by then, another node does when the claim ends. */
const longestDrain = 10_000

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
  let keepsAlive = false
  const stopping = new AbortController()

  /** @returns whether it stopped with more to do */
  async function streak(job: Job): Promise<boolean> {
    try {
      for (let runs = 0; runs < longestStreak && !closed; runs += 1) {
        if (!(await job.run(stopping.signal))) return false
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
    if (!keepsAlive) entry.timer.unref()
  }

  return {
    start({ keepAlive } = { keepAlive: false }) {
      keepsAlive ||= keepAlive
      if (keepAlive) for (const { timer } of scheduled) timer?.ref()
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
        while (!closed && (await job.run(stopping.signal)));
      }
    },
    async close() {
      closed = true
      for (const { timer } of scheduled) clearTimeout(timer)
      const underWay = scheduled.filter(({ running }) => running !== undefined)
      let timer: NodeJS.Timeout | undefined
      const tooLate = new Promise<'late'>((resolve) => {
        timer = setTimeout(() => resolve('late'), longestDrain)
      })
      const drained = Promise.all(underWay.map(({ running }) => running))
      if ((await Promise.race([drained, tooLate])) === 'late') {
        const jobs = underWay.filter(({ running }) => running !== undefined).map(({ job }) => job.name)
        logger.warn({ jobs }, 'background jobs did not end in time and are left to the next node')
      }
      clearTimeout(timer)
      stopping.abort()
    },
  }
}
