import { join } from 'node:path'
import type { Run } from '../measure.js'
import type { CaseName } from '../options.js'
import type { Results } from '../results.js'
import { startRoster } from '../roster.js'
import type { SizeSeed } from '../seed/size.js'
import { enumerationCase } from './enumeration.js'
import { floodCase } from './flood.js'
import { guardCase, latencyCase } from './guard.js'
import { installCase } from './install.js'
import { loginCase } from './login.js'
import { refreshCase } from './refresh.js'
import { registerCase } from './register.js'
import { sizeCase } from './size.js'
import { soakCase } from './soak.js'
import { startCase } from './start.js'

/** Seen from `bench/dist/cases/`. */
const repository = join(import.meta.dirname, '../../..')

/**
 * Starts the servers on one version of Node, and runs the cases that were asked for. A case that fails is named in the
 * results, and the next one runs.
 *
 * @param onCaseDone called after each case
 */
export async function runCases(
  setup: Omit<Run, 'roster' | 'generator'> & { sizes: readonly SizeSeed[] },
  results: Results,
  onCaseDone: () => void,
): Promise<void> {
  const { node, options, children, seeds } = setup
  const roster = await startRoster(children, seeds.peers)
  const run: Run = { ...setup, roster, generator: children.startGenerator() }
  for (const name of options.cases) {
    const began = performance.now()
    try {
      await runCase(name, run, setup.sizes, results)
    } catch (error) {
      results.failures.push(`Node ${node.version}, ${name}: ${(error as Error).message}`)
      console.error(error)
    }
    onCaseDone()
    console.log(`Node ${node.version}, ${name}: ${Math.round((performance.now() - began) / 1000)} s`)
  }
}

const measuredCases = {
  guard: guardCase,
  latency: latencyCase,
  login: loginCase,
  refresh: refreshCase,
  register: registerCase,
  flood: floodCase,
}

async function runCase(name: CaseName, run: Run, sizes: readonly SizeSeed[], results: Results): Promise<void> {
  const isFirst = run.node.major === results.nodes[0]
  if (name === 'start') results.started.push(...(await startCase(run)))
  else if (name === 'soak') results.soaked.push(...(await soakCase(run)))
  // What the next three show does not depend on the version of Node.
  else if (name === 'enumeration') results.enumeration.push(...(isFirst ? await enumerationCase(run) : []))
  else if (name === 'install') results.installed.push(...(isFirst ? await installCase(repository) : []))
  else if (name === 'size') results.measured.push(...(isFirst ? await sizeCase(run, sizes) : []))
  else results.measured.push(...(await measuredCases[name](run)))
}
