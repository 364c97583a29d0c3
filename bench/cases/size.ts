import type { Server } from '../children.js'
import { type Measured, measure, type Run, type Subject } from '../measure.js'
import { guardedRequest, identsphereCookie, peerNames } from '../roster.js'
import { type SizeSeed, smallSize } from '../seed/size.js'

const connections = 50
/** Sessions that are asked for again and again, in the part whose pages stay in the cache. */
const hotSessions = 1_000

/**
 * The guard on a small and on a large table: with few sessions in use, and with thousands of which no page is in
 * Postgres's cache, or in no cache at all.
 */
export async function sizeCase(run: Run, sizes: readonly SizeSeed[]): Promise<Measured[]> {
  const subjects: { name: string; server: Server; seed: SizeSeed }[] = []
  for (const seed of sizes) {
    const { input } = seed.identsphere
    const byHand = { ...run.seeds.keys, databaseUrl: input.databaseUrl }
    subjects.push({ name: peerNames.byHand, server: await run.children.startServer('by-hand', byHand), seed })
    subjects.push({ name: peerNames.identsphere, server: await run.children.startServer('identsphere', input), seed })
  }
  const measured: Measured[] = []
  try {
    for (let repetition = 0; repetition < run.options.repetitions; repetition += 1) {
      for (const subject of subjects) measured.push(...(await measureSize(run, subject, repetition === 0)))
    }
  } finally {
    for (const { server } of subjects) await server.stop()
  }
  return measured
}

async function measureSize(
  run: Run,
  { name, server, seed }: { name: string; server: Server; seed: SizeSeed },
  isFirst: boolean,
): Promise<Measured[]> {
  const { databaseUrl } = seed.identsphere.input
  const requests = seed.tokens.map((token) => guardedRequest(identsphereCookie(token)))
  const rows = `${seed.sessions.toLocaleString('en')} rows`
  const subject = (state: string): Subject => ({ case: `size, ${state}`, load: rows, name, server, databaseUrl })
  const hot = requests.slice(0, hotSessions)
  // Sends every token, so that its signature is remembered when the tables are cold.
  const once = { connections, seconds: 60, requests, once: true }
  if (isFirst) await run.generator.run({ url: server.url, ...once })
  const measured = [await measure(run, subject('hot'), { connections, seconds: run.options.seconds, requests: hot })]
  // A small table is always in some cache.
  for (const fromDisk of seed.sessions > smallSize ? [false, true] : [false]) {
    await run.postgres.evict(databaseUrl, fromDisk)
    measured.push(await measure(run, subject(fromDisk ? 'from disk' : 'cold cache'), once))
  }
  return measured
}
