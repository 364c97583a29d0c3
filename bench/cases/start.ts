import type { Server } from '../children.js'
import type { Run } from '../measure.js'
import { peerNames } from '../roster.js'

/** One start of a server in a fresh process. */
export interface Started {
  node: string
  name: string
  /** Import of the package alone, in milliseconds. */
  importMs: number
  /** From the start of the process to the first answer of the guarded route, in milliseconds. */
  firstAnswerMs: number
  /** Resident bytes after the first answer. */
  rss: number
}

/** Import, first answer, and memory at the first answer, of servers that start with empty processes. */
export async function startCase(run: Run): Promise<Started[]> {
  const { identsphere, before } = run.seeds
  const peer = (id: 'betterAuth' | 'before' | 'identsphere') => run.roster.get(id)
  const starts = [
    {
      name: 'bare Express + pg',
      module: 'express',
      file: 'express-pg',
      input: { databaseUrl: identsphere.input.databaseUrl },
      guarded: peer('identsphere')?.guarded,
    },
    { name: peerNames.betterAuth, module: 'better-auth', ...peer('betterAuth') },
    ...(before === null ? [] : [{ name: peerNames.before, module: before.input.entry, ...peer('before') }]),
    { name: peerNames.identsphere, module: identsphere.input.entry, ...peer('identsphere') },
  ]
  const started: Started[] = []
  // The round 0 fills the system's file cache, and does not count.
  for (let round = 0; round <= run.options.repetitions; round += 1) {
    for (const { name, module, file = '', input, guarded = [] } of starts) {
      const importMs = await run.children.timeImport(module)
      const began = performance.now()
      const server = await run.children.startServer(file, input)
      await firstAnswer(server, guarded[0]?.headers ?? {})
      const firstAnswerMs = performance.now() - began
      const { rss } = await server.usage()
      await server.stop()
      if (round > 0) started.push({ node: run.node.major, name, importMs, firstAnswerMs, rss })
    }
  }
  return started
}

async function firstAnswer(server: Server, headers: Readonly<Record<string, string>>): Promise<void> {
  const response = await fetch(`${server.url}/guarded`, { headers })
  await response.text()
  if (response.status !== 200) throw new Error(`the first request was answered ${response.status}`)
}
