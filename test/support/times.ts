import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildFolder, compiled } from './compiled.js'

/** Seconds of each test file, by its path from the checkout. */
export type Times = Record<string, number>

const history = join(buildFolder, 'times.json')

/** Times of earlier runs on this machine, none if there were none. */
export function earlierTimes(): Times {
  return existsSync(history) ? JSON.parse(readFileSync(history, 'utf8')) : {}
}

/** What `stopwatch.ts` wrote in a run of these files. */
export function timesOf(files: readonly string[], written: string): Times {
  const byTarget = new Map(files.map((file) => [compiled(file), file]))
  const times: Times = {}
  for (const line of existsSync(written) ? readFileSync(written, 'utf8').split('\n').filter(Boolean) : []) {
    const { file: target, seconds } = JSON.parse(line) as { file: string; seconds: number }
    const file = byTarget.get(target)
    if (file !== undefined) times[file] = seconds
  }
  return times
}

/** Keeps times for {@link earlierTimes}. */
export function keepTimes(times: Times): void {
  writeFileSync(history, JSON.stringify({ ...earlierTimes(), ...times }))
}

/** Prints the slowest files. @returns whether each of them ended within `budgetSeconds` */
export function reportTimes(times: Times, budgetSeconds: number): boolean {
  const slowest = Object.entries(times).sort(([, one], [, other]) => other - one)
  if (slowest.length > 1) {
    console.log('\nslowest files')
    for (const [file, seconds] of slowest.slice(0, 10)) console.log(`${seconds.toFixed(1).padStart(6)} s  ${file}`)
  }
  const late = slowest.filter(([, seconds]) => seconds > budgetSeconds)
  for (const [file, seconds] of late) {
    console.error(
      `✖ ${file} took ${seconds.toFixed(1)} s. A file may take ${budgetSeconds} s: split it, or make it cheaper.`,
    )
  }
  return late.length === 0
}
