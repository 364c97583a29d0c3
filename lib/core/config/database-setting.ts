import { ConfigurationError } from './configuration-error.js'

/** Matches names that need no quotes in SQL. */
export const schemaName = /^[a-z_][a-z0-9_]{0,62}$/

/** The settings that migrations need. */
export interface DatabaseSetting {
  readonly url: string
  readonly schema: string
}

/**
 * Reads `DATABASE_URL` and `IDENTSPHERE_SCHEMA`.
 *
 * @throws ConfigurationError that names the invalid setting and the fix
 */
export function databaseSetting(environment: NodeJS.ProcessEnv): DatabaseSetting {
  const { DATABASE_URL: url = '', IDENTSPHERE_SCHEMA: schema = 'identsphere' } = environment
  const fix = 'Set it to the address of your Postgres: postgres://user:password@host:5432/database.'
  if (url === '') throw new ConfigurationError('DATABASE_URL', 'is missing', fix)
  if (!/^postgres(ql)?:\/\//.test(url) || !URL.canParse(url)) {
    throw new ConfigurationError('DATABASE_URL', 'is not a postgres:// address', fix)
  }
  if (!schemaName.test(schema)) {
    throw new ConfigurationError('IDENTSPHERE_SCHEMA', 'is not a lower-case SQL name', 'Use a-z, 0-9 and _ only.')
  }
  return { url, schema }
}
