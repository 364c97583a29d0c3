import type { Run } from '../measure.js'
import type { Results } from '../results.js'
import { startRoster } from '../roster.js'
import type { SizeSeed } from '../seed/size.js'
import { enumerationCase } from './enumeration.js'
import { floodCase } from './flood.js'
import { guardCase, latencyCase } from './guard.js'
import { loginCase } from './login.js'
import { refreshCase } from './refresh.js'
import { registerCase } from './register.js'
import { sizeCase } from './size.js'
import { soakCase } from './soak.js'
import { startCase } from './start.js'

/** Starts the servers on one version of Node, and runs the cases that were asked for. */
export async function runCases(
  setup: Omit<Run, 'roster' | 'generator'> & { sizes: readonly SizeSeed[] },
  results: Results,
): Promise<void> {
  const { node, options, children, seeds, sizes } = setup
  const roster = await startRoster(children, seeds.peers)
  const run: Run = { ...setup, roster, generator: children.startGenerator() }
  const isFirst = node.major === results.nodes[0]
  const measured = {
    guard: guardCase,
    latency: latencyCase,
    login: loginCase,
    refresh: refreshCase,
    register: registerCase,
    flood: floodCase,
  }
  for (const name of options.cases) {
    const began = performance.now()
    if (name in measured) results.measured.push(...(await measured[name as keyof typeof measured](run)))
    else if (name === 'start') results.started.push(...(await startCase(run)))
    else if (name === 'soak') results.soaked.push(...(await soakCase(run)))
    // What these two show does not depend on the version of Node.
    else if (isFirst && name === 'enumeration') results.enumeration.push(...(await enumerationCase(run)))
    else if (isFirst && name === 'size') results.measured.push(...(await sizeCase(run, sizes)))
    console.log(`Node ${node.version}, ${name}: ${Math.round((performance.now() - began) / 1000)} s`)
  }
}
