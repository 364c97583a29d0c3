import type { Measured } from './measure.js'
import { median } from './statistics.js'

/** All repetitions of one measurement, in their order. */
export interface Group {
  node: string
  case: string
  load: string
  name: string
  runs: Measured[]
}

export type Figure = (measured: Measured) => number

export const requestsPerSecond: Figure = (measured) => measured.requestsPerSecond

/** Groups in the order of nodes, cases and loads. Each of them is ordered by its first measurement. */
export function groupsOf(measured: readonly Measured[]): Group[] {
  const groups = new Map<string, Group>()
  for (const one of measured) {
    const { node, case: name, load, name: server } = one
    const key = JSON.stringify([node, name, load, server])
    const group = groups.get(key) ?? { node, case: name, load, name: server, runs: [] }
    group.runs.push(one)
    groups.set(key, group)
  }
  const unsorted = [...groups.values()]
  const rank = (of: (group: Group) => string) => {
    const values = [...new Set(unsorted.map(of))]
    return (group: Group) => values.indexOf(of(group))
  }
  const ranks = [rank(({ node }) => node), rank((group) => group.case), rank(({ load }) => load)]
  return unsorted.sort((a, b) => ranks.map((of) => of(a) - of(b)).find((difference) => difference !== 0) ?? 0)
}

export function find(groups: readonly Group[], wanted: Omit<Group, 'runs'>): Group | undefined {
  return groups.find(
    (group) =>
      group.node === wanted.node &&
      group.case === wanted.case &&
      group.load === wanted.load &&
      group.name === wanted.name,
  )
}

export function medianOf(group: Group | undefined, figure: Figure): number {
  return group === undefined ? Number.NaN : median(group.runs.map(figure))
}

/** The median of the ratios of measurements that ran next to each other. NaN without a base. */
export function ratio(group: Group | undefined, base: Group | undefined, figure: Figure = requestsPerSecond): number {
  if (group === undefined || base === undefined) return Number.NaN
  const pairs = group.runs.slice(0, base.runs.length)
  return median(pairs.map((one, index) => figure(one) / figure(base.runs[index] ?? one)))
}
