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

/** An {@link IdentSphere} for tests: everything it has, and what tests need besides. */
export interface TestIdentSphere extends IdentSphere {
  /**
   * Signs somebody in, and makes them first where nobody has the address. No password is hashed, so it is fast.
   *
   * @example
   * ```ts
   * const ada = await identsphere.signedIn({ role: 'admin', mfa: true })
   * await fetch(`${url}/payouts`, { method: 'POST', headers: ada.headers })
   * ```
   */
  signedIn(as?: SignInAs): Promise<SignedIn>
  /** Time for tokens, sessions and guards, in this process and in its queries. Your own tables keep the database's. */
  readonly clock: TestClock
  /** What would have been mailed. Where `mailer` is set, mail goes there instead, and this throws. */
  readonly mail: TestMail
  /** For your own tables beside IdentSphere's; null where `database` is a Knex instance. */
  readonly databaseUrl: string | null
  /** Empties IdentSphere's tables and sets the clock back: everybody is gone. Your tables stay yours. */
  reset(): Promise<void>
  /** Closes what was opened, and drops the database where it was made for this instance. */
  close(): Promise<void>
}

/**
 * An IdentSphere for your tests, migrated and ready, on a real Postgres. Without `database` it makes a fresh one, so test
 * files that run at once do not meet: on the server of TEST_DATABASE_URL, else of DATABASE_URL, else on an embedded Postgres.
 * No other setting comes from the environment.
 *
 * @param options those of `createIdentSphere()`; development on `http://localhost` by default
 * @throws ConfigurationError in production, for a `database` that is not one for tests, or an option that is not valid
 * @example
 * ```ts
 * const identsphere = await createTestIdentSphere()
 * const app = createApp(identsphere)
 * // … and when all tests have run:
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
  // A database that outlives this instance needs a secret that does: its audit rows are sealed with it.
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

/** Whoever holds this object can be anybody, so it exists only where `createIdentSphere()` allows development too. */
function assertNoProduction(environment: string | undefined): void {
  if (environment === undefined || ['', 'test', 'development'].includes(environment)) return
  throw new ConfigurationError(
    'NODE_ENV',
    `is "${environment}", and identsphere/testing signs anybody in`,
    'Run tests with NODE_ENV=test, and import it in tests only.',
  )
}
