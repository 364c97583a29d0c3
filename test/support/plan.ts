import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { compiled, root } from './compiled.js'
import type { TestRun } from './run-process.js'
import { earlierTimes } from './times.js'

/** Files that compute, at once: measured on two cores. Those that mostly wait have a lane of their own beside. */
const computing = 2
const waiting = 1

/** Takes a flag out. @returns its values, '' for a flag without one */
function take(flags: string[], name: string): string[] {
  const found = flags.filter((flag) => flag === name || flag.startsWith(`${name}=`))
  for (const flag of found) flags.splice(flags.indexOf(flag), 1)
  return found.map((flag) => flag.slice(name.length + 1))
}

/** A file with the tag `@waits` mostly waits: for a timeout, a browser or a worker's interval. */
function mostlyWaits(file: string): boolean {
  return /^( \*|\/\*\*) @waits /m.test(readFileSync(join(root, file), 'utf8'))
}

/** The longest first, so that none of them is left alone at the end. A file that never ran here counts by its size. */
function longestFirst(files: string[]): string[] {
  const times = earlierTimes()
  const secondsOf = (file: string) => times[file] ?? statSync(join(root, file)).size / 2_000
  return files.toSorted((one, other) => secondsOf(other) - secondsOf(one))
}

/**
 * What to run, in lanes. Takes the flags of Node's test runner that are options of `run()`; what it leaves are flags for the
 * processes.
 *
 * @param files paths from the checkout
 */
export function planFor(files: string[], flags: string[]): TestRun {
  const takeFlag = (name: string) => take(flags, name)
  const [concurrency = String(computing)] = takeFlag('--test-concurrency')
  // A file that never ends is a failure that has a name.
  const [timeout = '300000'] = takeFlag('--test-timeout')
  const reporters = takeFlag('--test-reporter')
  const destinations = takeFlag('--test-reporter-destination')
  return {
    lanes: [
      { files: files.filter((file) => !mostlyWaits(file)), concurrency: Number(concurrency) },
      { files: files.filter(mostlyWaits), concurrency: waiting },
    ]
      .filter((lane) => lane.files.length > 0)
      .map((lane) => ({ ...lane, files: longestFirst(lane.files).map(compiled) })),
    timeoutMs: Number(timeout),
    namePatterns: takeFlag('--test-name-pattern'),
    only: takeFlag('--test-only').length > 0,
    reports: (reporters.length === 0 ? ['spec'] : reporters).map((reporter, index) => ({
      reporter,
      destination: destinations[index],
    })),
  }
}
