import { ConfigurationError } from '../config/configuration-error.js'
import type { Logger } from '../config/logger.js'
import type { KeyRing } from '../crypto/key-ring.js'
import { IdentSphereError } from '../errors.js'
import { pendingMigrations } from './migrate.js'
import type { Store } from './store.js'

/** Seconds between the node's clock and the database's. */
const warnSkew = 2
const refuseSkew = 30

/** Whether the database can serve: reachable, writable, migrated, its clock near ours, its sealed rows readable. */
export interface Readiness {
  /** Resolves at once after the first success. @throws IdentSphereError `service_unavailable` */
  ready(): Promise<void>
}

export function createReadiness(options: {
  store: Store
  schemaName: string
  keys: KeyRing
  /** Tables whose rows outlive every other use of the secret that sealed or keyed them. */
  sealedTables: readonly string[]
  logger: Logger
}): Readiness {
  const { store, schemaName, keys, sealedTables, logger } = options
  let checking: Promise<void> | undefined

  async function check(): Promise<void> {
    const [facts] = await store.sql<{ is_read_only: boolean; skew: number }>`
      SELECT current_setting('transaction_read_only') = 'on' AS is_read_only,
        (extract(epoch FROM clock_timestamp()) - ${Date.now() / 1000})::float8 AS skew`
    if (facts?.is_read_only !== false) {
      throw new Error('the database is read-only, such as a read-only standby; use the writable primary')
    }
    const skew = Math.abs(facts.skew)
    if (skew > refuseSkew) throw new Error(`this node's clock and the database's differ by ${Math.round(skew)} s`)
    if (skew > warnSkew) logger.warn({ seconds: skew }, "this node's clock and the database's differ")

    const pending = await pendingMigrations(store.database.knex, schemaName)
    if (pending.length > 0) {
      throw new Error(
        `the schema "${schemaName}" lacks ${pending.length} migration(s): run identsphere.migrate() or knex migrate:latest`,
      )
    }
    await checkKeyVersions()
  }

  /** The versions of root secrets that a table's rows need; skips through the index. */
  function versionsOf(name: string): Promise<Array<{ key_version: number }>> {
    const table = store.table(name)
    return store.sql`
      WITH RECURSIVE used AS (
        SELECT min(key_version) AS key_version FROM ${table}
        UNION ALL
        SELECT (SELECT min(k.key_version) FROM ${table} k WHERE k.key_version > used.key_version)
        FROM used WHERE used.key_version IS NOT NULL
      ) SELECT key_version FROM used WHERE key_version IS NOT NULL`
  }

  /** Every version of a root secret that a row was sealed with must be configured. */
  async function checkKeyVersions(): Promise<void> {
    const rows = (await Promise.all(sealedTables.map(versionsOf))).flat()
    const missing = rows.find((row) => !keys.versions.includes(row.key_version))
    if (missing === undefined) return
    throw new ConfigurationError(
      'secrets',
      `lacks version ${missing.key_version}, which stored rows are sealed with`,
      'Put that secret back at the end of the list.',
    )
  }

  return {
    ready() {
      checking ??= check().catch((cause: unknown) => {
        checking = undefined
        const message = cause instanceof Error ? cause.message : String(cause)
        logger.error({ err: cause }, `IdentSphere is not ready: ${message}`)
        throw new IdentSphereError('service_unavailable', { message: `IdentSphere is not ready: ${message}`, cause })
      })
      return checking
    },
  }
}
