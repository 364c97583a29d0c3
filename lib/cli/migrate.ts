import { parseArgs } from 'node:util'
import { databaseSetting } from '../core/config/database-setting.js'
import { silentLogger } from '../core/config/logger.js'
import { openDatabase } from '../core/store/database.js'
import { migrateDatabase, migrationStatus, removeDatabase } from '../core/store/migrate.js'
import { UsageError } from './usage-error.js'

/** `identsphere migrate [status|rollback --yes]`. @returns the exit code */
export async function migrate(args: string[]): Promise<number> {
  const { action, yes } = parse(args)
  const { url, schema } = databaseSetting(process.env)
  const where = `schema ${schema} of ${nameOf(url)}`
  if (action === 'rollback' && !yes) {
    throw new UsageError(
      `This would delete all accounts in the ${where}. To confirm, run: identsphere migrate rollback --yes`,
    )
  }
  const { knex, close } = openDatabase(url, silentLogger)
  try {
    if (action === 'status') {
      const status = await migrationStatus(knex, schema)
      for (const { name, done } of status) console.log(`${done ? 'done   ' : 'pending'}  ${name}`)
      return status.every(({ done }) => done) ? 0 : 1
    }
    if (action === 'rollback') {
      const left = await removeDatabase(knex, { schema })
      console.log(
        left.length === 0
          ? `The ${where} was deleted.`
          : `All migrations were reverted. The ${where} was kept, because it contains ${left.join(', ')}.`,
      )
      return 0
    }
    const ran = await migrateDatabase(knex, { schema })
    for (const name of ran) console.log(`done     ${name}`)
    console.log(`The ${where} is up to date.`)
    return 0
  } catch (error) {
    console.error(`Failed for the ${where} (DATABASE_URL):`)
    throw error
  } finally {
    await close()
  }
}

function parse(args: string[]): { action: string; yes: boolean } {
  try {
    const { values, positionals } = parseArgs({ args, options: { yes: { type: 'boolean' } }, allowPositionals: true })
    const [action = 'latest', ...more] = positionals
    const isKnown = positionals.length === 0 || action === 'status' || action === 'rollback'
    if (!isKnown || more.length > 0) throw new UsageError(`"migrate ${positionals.join(' ')}" is not a command.`)
    if (values.yes && action !== 'rollback') throw new UsageError('--yes is an option of "migrate rollback".')
    return { action, yes: values.yes ?? false }
  } catch (error) {
    throw error instanceof UsageError ? error : new UsageError((error as Error).message)
  }
}

/** Host and database, without user and password. */
function nameOf(url: string): string {
  const { host, pathname } = new URL(url)
  return `${host}${pathname}`
}
