import { median } from './statistics.js'

/** One run of one case. */
export interface Measured {
  name: string
  connections: number
  requestsPerSecond: number
  /** Milliseconds. */
  p50: number
  p95: number
  p99: number
  /** Statements per request, counted in the server. */
  queries?: number
  /** Processor seconds per second of the server. */
  cpu?: number
  /** Resident bytes of the server at the end. */
  rss?: number
  /** The name of the case that this one is compared with. */
  against?: string
}

const columns = [
  'connections',
  'case',
  'requests/s',
  'ratio',
  'p50 ms',
  'p95 ms',
  'p99 ms',
  'queries/request',
  'CPU',
  'RSS MiB',
]

/** Medians over the repetitions, as a Markdown table. A ratio is the median of the ratios of runs next to each other. */
export function table(measured: readonly Measured[]): string[] {
  const groups = new Map<string, Measured[]>()
  for (const one of measured) {
    const key = `${one.connections} ${one.name}`
    groups.set(key, [...(groups.get(key) ?? []), one])
  }
  const rows = [...groups.values()]
    .sort(([a], [b]) => (a?.connections ?? 0) - (b?.connections ?? 0))
    .map((group) => {
      const [first] = group
      const middle = (of: (one: Measured) => number | undefined) => median(group.map((one) => of(one) ?? Number.NaN))
      const base = groups.get(`${first?.connections} ${first?.against}`)
      const ratios = group.map((one, index) => one.requestsPerSecond / (base?.[index]?.requestsPerSecond ?? Number.NaN))
      return [
        `${first?.connections}`,
        first?.name ?? '',
        show(
          middle((one) => one.requestsPerSecond),
          0,
        ),
        base === undefined ? '' : `${show(median(ratios), 2)} × ${first?.against}`,
        show(
          middle((one) => one.p50),
          2,
        ),
        show(
          middle((one) => one.p95),
          2,
        ),
        show(
          middle((one) => one.p99),
          2,
        ),
        show(
          middle((one) => one.queries),
          3,
        ),
        show(
          middle((one) => one.cpu),
          2,
        ),
        show(
          middle((one) => (one.rss ?? Number.NaN) / 2 ** 20),
          0,
        ),
      ]
    })
  return [columns, columns.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`)
}

function show(value: number, digits: number): string {
  return Number.isNaN(value) ? '' : value.toFixed(digits)
}
