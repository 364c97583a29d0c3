import type { Children, Server } from './children.js'
import type { Sent } from './load/job.js'
import type { BenchPostgres } from './postgres.js'
import { seedBetterAuth } from './seed/better-auth.js'
import { seedByHand } from './seed/by-hand.js'
import { newSessionIds, seedPassport, sessionCookie } from './seed/express-sessions.js'
import {
  fillIdentSphere,
  type IdentSphereSeed,
  type Keys,
  liveTokens,
  newKeys,
  prepareIdentSphere,
} from './seed/identsphere.js'

/** Servers of the guard case, in the order in which they take turns. */
export const peerNames = {
  express: 'bare Express',
  byHand: 'by hand',
  naive: 'naive',
  passport: 'passport + connect-pg-simple',
  sessionMemory: 'express-session in memory',
  betterAuth: 'better-auth getSession',
  betterAuthCached: 'better-auth, stale cookie cache',
  before: 'IdentSphere before',
  identsphere: 'IdentSphere',
} as const
export type PeerId = keyof typeof peerNames

/** How a server is started, and what is sent to its guarded route. */
export interface Peer {
  id: PeerId
  name: string
  /** In `servers/`, without the extension. */
  file: string
  /** The database whose statements are counted. */
  databaseUrl: string
  input: object
  guarded: Sent[]
}

/** Everything that is made once, for all versions of Node. */
export interface Seeds {
  keys: Keys
  identsphere: IdentSphereSeed
  before: IdentSphereSeed | null
  peers: Peer[]
}

/**
 * Makes and fills the databases.
 *
 * @param entries builds of IdentSphere: their `lib/index.js`
 * @param withLibraries whether a case compares with other libraries
 */
export async function prepareSeeds(
  children: Children,
  postgres: BenchPostgres,
  entries: { identsphere: string; before: string | null },
  withLibraries: boolean,
): Promise<Seeds> {
  const keys = newKeys()
  const prepare = async (name: string, entry: string) => {
    const seed = await prepareIdentSphere(children, entry, await postgres.createDatabase(name), keys)
    await fillIdentSphere(seed)
    return { seed, cookies: (await liveTokens(seed)).map(identsphereCookie) }
  }
  const { seed: identsphere, cookies } = await prepare('bench_now', entries.identsphere)
  const before = entries.before === null ? null : await prepare('bench_before', entries.before)
  const { databaseUrl } = identsphere.input
  await seedByHand(databaseUrl, identsphere.passwordHash)
  const peers = [
    peer('express', 'express', databaseUrl, cookies, {}),
    peer('byHand', 'by-hand', databaseUrl, cookies, { ...keys, databaseUrl }),
    peer('naive', 'naive', databaseUrl, cookies, { ...keys, databaseUrl }),
  ]
  if (withLibraries) peers.push(...(await prepareExpressSessions(postgres)), ...(await prepareBetterAuth(postgres)))
  if (before !== null) {
    const { input } = before.seed
    peers.push(peer('before', 'identsphere', input.databaseUrl, before.cookies, input))
  }
  peers.push(peer('identsphere', 'identsphere', databaseUrl, cookies, identsphere.input))
  return { keys, identsphere, before: before?.seed ?? null, peers }
}

async function prepareExpressSessions(postgres: BenchPostgres): Promise<Peer[]> {
  const databaseUrl = await postgres.createDatabase('bench_passport')
  const sessionIds = newSessionIds()
  const cookies = sessionIds.map(sessionCookie)
  await seedPassport(databaseUrl, sessionIds)
  return [
    peer('passport', 'passport', databaseUrl, cookies, { databaseUrl }),
    peer('sessionMemory', 'session-memory', databaseUrl, cookies, { sessionIds }),
  ]
}

async function prepareBetterAuth(postgres: BenchPostgres): Promise<Peer[]> {
  const databaseUrl = await postgres.createDatabase('bench_better_auth')
  const { strict, cached } = await seedBetterAuth(databaseUrl)
  return [
    peer('betterAuth', 'better-auth', databaseUrl, strict, { databaseUrl, cookieCache: false }),
    peer('betterAuthCached', 'better-auth', databaseUrl, cached, { databaseUrl, cookieCache: true }),
  ]
}

function peer(id: PeerId, file: string, databaseUrl: string, cookies: readonly string[], input: object): Peer {
  return { id, name: peerNames[id], file, databaseUrl, input, guarded: cookies.map(guardedRequest) }
}

/** The cookies of a browser: IdentSphere's among others. */
export function identsphereCookie(token: string): string {
  return `identsphere_at=${token}; identsphere_csrf=1.Zm9v`
}

export function guardedRequest(cookie: string): Sent {
  return { method: 'GET', path: '/guarded', headers: { Cookie: `theme=dark; ${cookie}` } }
}

/** A peer whose server runs. */
export interface RunningPeer extends Peer {
  server: Server
}

export type Roster = ReadonlyMap<PeerId, RunningPeer>

export async function startRoster(children: Children, peers: readonly Peer[]): Promise<Roster> {
  const roster = new Map<PeerId, RunningPeer>()
  for (const peer of peers) roster.set(peer.id, { ...peer, server: await children.startServer(peer.file, peer.input) })
  return roster
}
