import type { Knex } from 'knex'
import type { RootSecret } from '../crypto/key-ring.js'
import type { Mailer } from '../mail/mailer.js'
import type { Hooks } from './hooks.js'
import type { Logger } from './logger.js'
import type { Pages } from './pages.js'

/** The host's options after parsing: complete, checked and frozen. */
export interface CoreSettings {
  readonly database: string | Knex
  readonly schema: string
  readonly publicBaseUrl: URL
  /** Path of the router in browsers: `''`, or e.g. `/identity` without a slash at the end. */
  readonly mountPath: string
  readonly isOwnOrigin: (origin: string) => boolean
  readonly secrets: readonly RootSecret[]
  /** `IDENTSPHERE_JWT_SECRET`, or the generated secret in development. */
  readonly jwtSecret: string | undefined
  readonly cookies: { readonly secure: boolean; readonly prefix: boolean }
  /** Null if mail cannot be sent. Then no mail is written, and routes that need mail do not exist. */
  readonly mailer: Mailer | null
  readonly pages: Pages
  readonly hooks: Hooks
  readonly logger: Logger
  readonly worker: 'in-process' | 'external'
  /** True if the host wants development behavior and `publicBaseUrl` is on this machine. */
  readonly development: boolean
}
