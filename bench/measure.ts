import type { Generator, Server } from './children.js'
import type { Job } from './load.js'
import type { Measured } from './report.js'
import type { Seed } from './seed.js'

/** What every case is given. */
export interface Run {
  seed: Seed
  generator: Generator
  repetitions: number
  /** Of one measurement. */
  seconds: number
  quick: boolean
}

/** One run of one case, with what the server used meanwhile. @throws Error where anything but 200 was answered */
export async function measure(
  generator: Generator,
  server: Server,
  { name, ...job }: Omit<Job, 'url'> & { name: string },
): Promise<Measured & { chains?: string[] }> {
  await server.usage()
  const { statuses, ...outcome } = await generator.run({ url: server.url, ...job })
  const { queries, cpu, rss } = await server.usage()
  const { 200: answered = 0, ...others } = statuses
  if (Object.keys(others).length > 0) throw new Error(`${name}: answered ${JSON.stringify(statuses)}`)
  return { ...outcome, name, connections: job.connections, queries: queries / answered, cpu, rss }
}
