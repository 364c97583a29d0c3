import { type Figure, find, type Group, groupsOf, medianOf, ratio } from './groups.js'
import { markdown, show } from './report.js'
import type { Results } from './results.js'
import { peerNames } from './roster.js'
import { median } from './statistics.js'

/** What the project promises, as a bound on a figure of one version of Node. */
interface Target {
  text: string
  atLeast?: number
  atMost?: number
  /** NaN if it was not measured. */
  figure(view: View): number
}

interface View {
  node: string
  groups: readonly Group[]
  results: Results
}

const { express, byHand, naive, passport, sessionMemory, betterAuth, identsphere } = peerNames

function group({ node, groups }: View, name: string, load: string, server: string): Group | undefined {
  return find(groups, { node, case: name, load, name: server })
}

const connections = (count: number) => `${count} ${count === 1 ? 'connection' : 'connections'}`

/** The guard against one other server, at each number of connections that has a bound. */
function guardTargets(peer: string, bounds: Readonly<Record<number, number>>): Target[] {
  return Object.entries(bounds).map(([count, atLeast]) => ({
    text: `guard, ${connections(Number(count))}: × ${peer}`,
    atLeast,
    figure: (view) => {
      const load = connections(Number(count))
      return ratio(group(view, 'guard', load, identsphere), group(view, 'guard', load, peer))
    },
  }))
}

function byHandTarget(name: string, load: string): Target {
  return {
    text: `${name}: × ${byHand}`,
    atLeast: 0.9,
    figure: (view) => ratio(group(view, name, load, identsphere), group(view, name, load, byHand)),
  }
}

function ownCpu(view: View): number {
  const cpu: Figure = (measured) => measured.serverCpuUs
  const load = connections(50)
  return medianOf(group(view, 'guard', load, identsphere), cpu) - medianOf(group(view, 'guard', load, express), cpu)
}

function queriesTarget(count: number, atMost: number): Target {
  return {
    text: `guard, ${connections(count)}: queries per request`,
    atMost,
    figure: (view) => medianOf(group(view, 'guard', connections(count), identsphere), (one) => one.statements),
  }
}

function sizeTarget(state: string): Target {
  return {
    text: `guard, large table, ${state}: × 1,000 rows`,
    atLeast: 0.95,
    figure: (view) => {
      const sizes = view.groups.filter(
        ({ node, case: name, name: server }) =>
          node === view.node && name === `size, ${state}` && server === identsphere,
      )
      return ratio(sizes[1], sizes[0])
    },
  }
}

/** A figure of starts, against that of another server. */
function startTarget(text: string, peer: string, atMost: number, of: 'importMs' | 'firstAnswerMs' | 'rss'): Target {
  return {
    text: `${text}: × ${peer}`,
    atMost,
    figure({ node, results }) {
      const valuesOf = (server: string) =>
        results.started.filter((one) => one.node === node && one.name === server).map((one) => one[of])
      return median(valuesOf(identsphere)) / median(valuesOf(peer))
    },
  }
}

const targets: readonly Target[] = [
  ...guardTargets(byHand, { 1: 0.9, 10: 0.9, 50: 0.9 }),
  ...guardTargets(naive, { 1: 1, 10: 1.5, 50: 2.2 }),
  ...guardTargets(betterAuth, { 1: 3, 10: 4, 50: 6 }),
  ...guardTargets(passport, { 1: 3.5, 10: 3, 50: 5 }),
  ...guardTargets(sessionMemory, { 10: 1, 50: 1 }),
  {
    text: 'guard, 50 connections: own CPU over bare Express in µs, at most 45 on Node 20 and 25 later',
    figure: (view) => ownCpu(view) / (Number(view.node) < 22 ? 45 : 25),
    atMost: 1,
  },
  queriesTarget(1, 1.01),
  queriesTarget(50, 1 / 16),
  byHandTarget('login', connections(8)),
  byHandTarget('refresh, cookie', connections(10)),
  byHandTarget('refresh, body', connections(10)),
  byHandTarget('register', connections(8)),
  {
    text: 'guard, login flood: p99 × quiet p99',
    atMost: 3,
    figure: (view) =>
      ratio(
        group(view, 'flood', 'login flood', identsphere),
        group(view, 'flood', 'quiet', identsphere),
        (one) => one.p99,
      ),
  },
  sizeTarget('hot'),
  sizeTarget('cold cache'),
  startTarget('memory at the first answer', 'bare Express + pg', 1.3, 'rss'),
  {
    text: 'install, MB',
    atMost: 35,
    figure: ({ results }) => (results.installed.find(({ name }) => name === identsphere)?.bytes ?? Number.NaN) / 1e6,
  },
  startTarget('import', betterAuth, 0.7, 'importMs'),
  startTarget('first answer', betterAuth, 0.7, 'firstAnswerMs'),
]

/** Every target beside what was measured. */
export function targetTable(results: Results): string[] {
  const groups = groupsOf(results.measured)
  const rows = targets.map((target) => {
    const { text, atLeast, atMost } = target
    const cells = results.nodes.map((node) => verdict(target, target.figure({ node, groups, results })))
    return [text, atLeast === undefined ? `≤ ${show(atMost ?? 0, 2)}` : `≥ ${show(atLeast, 2)}`, ...cells]
  })
  return markdown(['target', 'bound', ...results.nodes.map((node) => `Node ${node}`)], rows)
}

function verdict({ atLeast = -Infinity, atMost = Infinity }: Target, value: number): string {
  if (Number.isNaN(value)) return 'not measured'
  return `${show(value)}, ${value >= atLeast && value <= atMost ? 'met' : 'missed'}`
}
