import type { Soaked } from './cases/soak.js'
import type { Started } from './cases/start.js'
import { find, type Group, groupsOf, medianOf, ratio, requestsPerSecond } from './groups.js'
import type { Measured } from './measure.js'
import { peerNames } from './roster.js'
import { smallSize } from './seed/size.js'
import { median } from './statistics.js'

const bytesPerMiB = 2 ** 20

const columns = [
  'Node',
  'case',
  'load',
  'server',
  'requests/s (min..max)',
  'ratio to',
  'IdentSphere is',
  'p50 ms',
  'p95 ms',
  'p99 ms',
  'queries',
  'CPU µs',
  'Postgres µs',
  'GC ms/s',
  'RSS MiB',
]

/** One row for each server, load and case: medians over the repetitions. */
export function mainTable(measured: readonly Measured[]): string[] {
  const groups = groupsOf(measured)
  return markdown(
    columns,
    groups.map((group) => rowOf(group, groups)),
  )
}

function rowOf(group: Group, groups: readonly Group[]): string[] {
  const rates = group.runs.map(requestsPerSecond)
  const base = baseOf(group)
  const toBase = ratio(group, find(groups, base))
  const product = find(groups, { ...group, name: peerNames.identsphere })
  const isFixedRate = group.case === 'latency'
  const isProduct = group.name === peerNames.identsphere
  return [
    group.node,
    group.case,
    group.load,
    group.name,
    `${show(median(rates), 0)} (${show(Math.min(...rates), 0)}..${show(Math.max(...rates), 0)})`,
    isFixedRate || Number.isNaN(toBase) || isSame(group, base) ? '' : `${show(toBase, 2)} × ${labelOf(group, base)}`,
    isFixedRate || isProduct || product === undefined ? '' : `${show(ratio(product, group), 2)} ×`,
    show(medianOf(group, (one) => one.p50)),
    show(medianOf(group, (one) => one.p95)),
    show(medianOf(group, (one) => one.p99)),
    show(
      medianOf(group, (one) => one.statements),
      3,
    ),
    show(
      medianOf(group, (one) => one.serverCpuUs),
      0,
    ),
    show(
      medianOf(group, (one) => one.postgresCpuUs),
      0,
    ),
    show(
      medianOf(group, (one) => one.gcMs),
      1,
    ),
    show(medianOf(group, (one) => one.rss) / bytesPerMiB, 0),
  ]
}

/** What a row is compared with: another server, another load, or another size. */
function baseOf(group: Group): Omit<Group, 'runs'> {
  if (group.case === 'guard' || group.case === 'latency') return { ...group, name: peerNames.express }
  if (group.case === 'flood') return { ...group, load: 'quiet' }
  if (group.case.startsWith('size')) return { ...group, load: `${smallSize.toLocaleString('en')} rows` }
  return { ...group, name: peerNames.byHand }
}

function isSame(group: Group, base: Omit<Group, 'runs'>): boolean {
  return group.name === base.name && group.load === base.load
}

function labelOf(group: Group, base: Omit<Group, 'runs'>): string {
  return base.name === group.name ? base.load : base.name
}

export function startTable(started: readonly Started[]): string[] {
  const rows = new Map<string, Started[]>()
  for (const one of started) {
    const key = JSON.stringify([one.node, one.name])
    rows.set(key, [...(rows.get(key) ?? []), one])
  }
  return markdown(
    ['Node', 'server', 'import ms (min..max)', 'first answer ms (min..max)', 'RSS MiB at the first answer'],
    [...rows.values()].map((group) => {
      const spread = (of: (one: Started) => number) => {
        const values = group.map(of)
        return `${show(median(values), 0)} (${show(Math.min(...values), 0)}..${show(Math.max(...values), 0)})`
      }
      return [
        group[0]?.node ?? '',
        group[0]?.name ?? '',
        spread((one) => one.importMs),
        spread((one) => one.firstAnswerMs),
        show(median(group.map((one) => one.rss)) / bytesPerMiB, 0),
      ]
    }),
  )
}

export function soakTable(soaked: readonly Soaked[]): string[] {
  return markdown(
    ['Node', 'minute', 'requests', 'RSS MiB'],
    soaked.map(({ node, minute, requests, rss }) => [node, `${minute}`, `${requests}`, show(rss / bytesPerMiB, 0)]),
  )
}

export function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`)
}

export function show(value: number, digits = 2): string {
  return Number.isNaN(value) ? '' : value.toFixed(digits)
}
