import type { Logger } from '../config/logger.js'
import { deadline } from '../deadline.js'

/** Background work of a feature. Several nodes can run it at the same time, so it must claim rows with one statement. */
export interface Job {
  readonly name: string
  /** Seconds between two runs on one node. */
  readonly everySeconds: number
  /**
   * @param stopped aborted if the worker stops waiting for the job
   * @returns true if there is more work, so that the job runs again at once
   */
  run(stopped: AbortSignal): Promise<boolean>
}

/** Runs jobs repeatedly until it is closed. */
export interface Worker {
  /** @param options `keepAlive`: the process does not exit while the worker runs. Default false */
  start(options?: { keepAlive: boolean }): void
  /** Runs a job now instead of at its next time. Does nothing if the worker was not started. */
  wake(name: string): void
  /** Runs every job until it has no more work. For tests and scheduled calls. */
  drain(): Promise<void>
  /** Starts no more runs, and waits up to 10 seconds for the current ones. */
  close(): Promise<void>
}

/** If a job does not end in time, another node takes over its rows after their claims have ended. */
const drainTimeoutMs = 10_000

/** After so many runs a job lets the event loop run other jobs. */
const maxRunsInRow = 20

interface Scheduled {
  readonly job: Job
  timer: NodeJS.Timeout | undefined
  running: Promise<void> | undefined
  /** New work arrived during the run. */
  runAgain: boolean
}

export function createWorker(jobs: readonly Job[], logger: Logger): Worker {
  const scheduled: Scheduled[] = jobs.map((job) => ({ job, timer: undefined, running: undefined, runAgain: false }))
  let started = false
  let closed = false
  let keepsProcessAlive = false
  const stopping = new AbortController()

  /** @returns whether the job has more work */
  async function runRepeatedly(job: Job): Promise<boolean> {
    try {
      for (let runs = 0; runs < maxRunsInRow && !closed; runs += 1) {
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
      entry.runAgain = false
      entry.running = runRepeatedly(entry.job).then((hasMore) => {
        entry.running = undefined
        schedule(entry, hasMore || entry.runAgain ? 0 : entry.job.everySeconds)
      })
    }, seconds * 1000)
    if (!keepsProcessAlive) entry.timer.unref()
  }

  return {
    start({ keepAlive } = { keepAlive: false }) {
      keepsProcessAlive ||= keepAlive
      if (keepAlive) for (const { timer } of scheduled) timer?.ref()
      if (started) return
      started = true
      for (const entry of scheduled) schedule(entry, entry.job.everySeconds)
    },
    wake(name) {
      if (!started) return
      const entry = scheduled.find(({ job }) => job.name === name)
      if (entry === undefined) return
      entry.runAgain = true
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
      const isRunning = ({ running }: Scheduled) => running !== undefined
      const drained = Promise.all(scheduled.map(({ running }) => running))
      await deadline(drained, drainTimeoutMs, () => {
        const jobs = scheduled.filter(isRunning).map(({ job }) => job.name)
        logger.warn({ jobs }, 'background jobs did not end in time, another node will continue them')
      })
      stopping.abort()
    },
  }
}
