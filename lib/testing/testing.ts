import { ConfigurationError } from '../core/config/configuration-error.js'
import { randomToken } from '../core/crypto/random.js'
import { organizations } from '../features/organizations/feature.js'
import { registration } from '../features/registration/feature.js'
import { signIn } from '../features/sign-in/feature.js'
import { users } from '../features/users/feature.js'
import type { IdentSphereOptions } from '../features.js'
import { buildIdentSphere, type IdentSphere, publicPart } from '../identsphere.js'
import { createMovableClock, type TestClock } from './clock.js'
import { createTestMail, type TestMail } from './mail.js'
import { emptyTables } from './reset.js'
import { createSignedIn, type SignedIn, type SignInAs } from './signed-in.js'
import { assertForTests, openTestDatabase, type TestDatabase } from './test-database.js'

/** An {@link IdentSphere} with helpers for tests. */
export interface TestIdentSphere extends IdentSphere {
  /**
   * Signs a user in. If no user has the address, it creates one. It is fast, because no password is hashed.
   *
   * @example
   * ```ts
   * const ada = await identsphere.signedIn({ role: 'admin', mfa: true })
   * await fetch(`${url}/payouts`, { method: 'POST', headers: ada.headers })
   * ```
   */
  signedIn(as?: SignInAs): Promise<SignedIn>
  /** The clock for tokens, sessions and guards, in this process and in its queries. It does not change your own queries. */
  readonly clock: TestClock
  /** Captured mail. It throws if the option `mailer` is set, because then mail is really sent. */
  readonly mail: TestMail
  /** Address of the database, for your own tables. Null if `database` is a Knex instance. */
  readonly databaseUrl: string | null
  /** Empties the tables of IdentSphere and resets the clock. It does not empty your tables. */
  reset(): Promise<void>
  /** Closes everything, and drops the database if it was created for this instance. */
  close(): Promise<void>
}

/**
 * Creates an instance for tests, migrated and ready, on a real Postgres. Without `database` it creates a new database, so parallel
 * test files are independent. The server is that of TEST_DATABASE_URL, else of DATABASE_URL, else an embedded Postgres. No other
 * setting is read from the environment.
 *
 * @param options those of `createIdentSphere()`. Default: development on `http://localhost`
 * @throws ConfigurationError in production, for a `database` that is not for tests, or for an invalid option
 * @example
 * ```ts
 * const identsphere = await createTestIdentSphere()
 * const app = createApp(identsphere)
 * // … after all tests:
 * await identsphere.close()
 * ```
 */
export async function createTestIdentSphere(options: IdentSphereOptions = {}): Promise<TestIdentSphere> {
  assertNoProduction(process.env.NODE_ENV)
  const { schema = 'identsphere' } = options
  const database = await openTestDatabase(options.database, schema, process.env)
  try {
    return await startOn(database, schema, options)
  } catch (error) {
    await database.close()
    throw error
  }
}

async function startOn(database: TestDatabase, schema: string, options: IdentSphereOptions): Promise<TestIdentSphere> {
  const clock = createMovableClock()
  // A database of the host keeps sealed rows, so it needs the same secret in the next run.
  const secret = database.isOwn ? { IDENTSPHERE_JWT_SECRET: randomToken() } : {}
  const built = buildIdentSphere(
    { publicBaseUrl: 'http://localhost', worker: 'external', ...options, database: database.connection, schema },
    { environment: { NODE_ENV: 'test', ...secret }, clock },
  )
  const identsphere = publicPart(built)
  const { store, worker, mailbox } = built
  try {
    if (!database.isOwn) {
      const [row] = await store.sql<{ name: string }>`SELECT current_database() AS name`
      assertForTests(row?.name ?? '', schema)
      await identsphere.migrate()
    }
    await identsphere.ready()
  } catch (error) {
    await identsphere.close()
    throw error
  }
  let closing: Promise<void> | undefined
  return {
    ...identsphere,
    signedIn: createSignedIn(
      {
        store,
        users: built.serviceOf(users),
        organizations: built.serviceOf(organizations),
        registration: built.serviceOf(registration),
        signIn: built.serviceOf(signIn),
        cookies: built.assembly.foundation.cookies,
      },
      options.registration?.organization ?? 'required',
    ),
    clock: { now: clock.now, advance: clock.advance },
    mail: createTestMail({ worker, mailbox }),
    databaseUrl: typeof database.connection === 'string' ? database.connection : null,
    async reset() {
      await emptyTables(store, schema)
      clock.reset()
      mailbox?.clear()
    },
    close() {
      closing ??= identsphere.close().finally(() => database.close())
      return closing
    },
  }
}

/** The instance can sign in as any user. So it is allowed only in development and tests. */
function assertNoProduction(environment: string | undefined): void {
  if (environment === undefined || ['', 'test', 'development'].includes(environment)) return
  throw new ConfigurationError(
    'NODE_ENV',
    `is "${environment}", but identsphere/testing can sign in as any user`,
    'Run tests with NODE_ENV=test, and import it only in tests.',
  )
}
