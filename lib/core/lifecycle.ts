import type { Assembly } from './assemble.js'
import { ConfigurationError } from './config/configuration-error.js'
import { migrateDatabase } from './store/migrate.js'

/** Start and end of one instance. */
export interface Lifecycle {
  migrate(): Promise<void>
  ready(): Promise<void>
  startWorker(): Promise<void>
  close(): Promise<void>
}

export function createLifecycle({ foundation, worker, close }: Assembly): Lifecycle {
  const { settings, database, ready } = foundation
  let isStarted = false
  let closing: Promise<void> | undefined

  foundation.onReady = () => {
    if (isStarted || closing !== undefined) return
    isStarted = true
    if (settings.worker === 'in-process') worker.start()
  }

  return {
    async migrate() {
      await migrateDatabase(database.knex, { schema: settings.schema })
    },
    ready,
    async startWorker() {
      if (settings.worker === 'external' && settings.mailer?.mailbox != null) {
        throw new ConfigurationError(
          'SMTP_URL',
          'is missing. Without it, the worker keeps mail in its own memory, and no page shows it',
          'Set it, or leave `worker` out in development. The application then does the background work.',
        )
      }
      await ready()
      worker.start({ keepAlive: true })
    },
    close() {
      closing ??= close()
      return closing
    },
  }
}
