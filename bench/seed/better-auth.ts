import { createHmac } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import pg from 'pg'
import { loadPackage } from '../packages.js'
import { tableRows, usedSessions } from '../settings.js'
import { fillTables } from './sql.js'

/** The part of better-auth that is used. */
export interface BetterAuth {
  api: { getSession(input: { headers: Headers }): Promise<{ user: { id: string } } | null> }
  handler(request: Request): Promise<Response>
  options: object
  $context: Promise<{
    internalAdapter: {
      createUser(user: { email: string; name: string }): Promise<{ id: string }>
      createSession(userId: string): Promise<{ token: string }>
    }
  }>
}

const secret = 'bench-better-auth-secret-of-32-bytes'
const baseURL = 'http://localhost:3000'
/** Seconds. Longer than a run, so that the cache is used for every request. */
const cacheSeconds = 86_400

export async function createBetterAuth(databaseUrl: string, cookieCache: boolean): Promise<BetterAuth> {
  const { betterAuth } = await loadPackage<{ betterAuth(options: object): BetterAuth }>('better-auth')
  return betterAuth({
    baseURL,
    secret,
    database: new pg.Pool({ connectionString: databaseUrl, max: 10 }),
    emailAndPassword: { enabled: true },
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    ...(cookieCache && { session: { cookieCache: { enabled: true, maxAge: cacheSeconds } } }),
  })
}

export async function loadNodeHeaders(): Promise<(headers: IncomingHttpHeaders) => Headers> {
  const { fromNodeHeaders } = await loadPackage<{ fromNodeHeaders(headers: IncomingHttpHeaders): Headers }>(
    'better-auth/node',
  )
  return fromNodeHeaders
}

/** Makes and fills better-auth's tables. @returns cookies of live sessions, the second list with the cookie cache */
export async function seedBetterAuth(databaseUrl: string): Promise<{ strict: string[]; cached: string[] }> {
  const auth = await createBetterAuth(databaseUrl, true)
  const { getMigrations } = await loadPackage<{
    getMigrations(options: object): Promise<{ runMigrations(): Promise<void> }>
  }>('better-auth/db/migration')
  await (await getMigrations(auth.options)).runMigrations()
  await fillTables(
    databaseUrl,
    'public',
    `INSERT INTO "user" (id, name, email, "emailVerified", "createdAt", "updatedAt")
       SELECT gen_random_uuid(), 'User ' || n, 'user' || n || '@example.com', false, now(), now()
       FROM generate_series(1, ${tableRows}) n;
     INSERT INTO session (id, "expiresAt", token, "createdAt", "updatedAt", "userId")
       SELECT gen_random_uuid(), now() + interval '7 days', gen_random_uuid(), now(), now(), id FROM "user";`,
  )
  const { internalAdapter } = await auth.$context
  const cookies = await Promise.all(
    Array.from({ length: usedSessions }, async (_, index) => {
      const user = await internalAdapter.createUser({ email: `used${index}@example.com`, name: `Used ${index}` })
      const strict = signedCookie((await internalAdapter.createSession(user.id)).token)
      return { strict, cached: `${strict}; ${await cacheCookie(auth, strict)}` }
    }),
  )
  return { strict: cookies.map(({ strict }) => strict), cached: cookies.map(({ cached }) => cached) }
}

function signedCookie(token: string): string {
  const signature = createHmac('sha256', secret).update(token).digest('base64')
  return `better-auth.session_token=${encodeURIComponent(`${token}.${signature}`)}`
}

async function cacheCookie(auth: BetterAuth, cookie: string): Promise<string> {
  const response = await auth.handler(new Request(`${baseURL}/api/auth/get-session`, { headers: { cookie } }))
  const data = response.headers.getSetCookie().find((value) => value.startsWith('better-auth.session_data='))
  if (data === undefined) throw new Error('better-auth set no cookie for its cache')
  return data.slice(0, data.indexOf(';'))
}
