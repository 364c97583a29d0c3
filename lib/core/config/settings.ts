import type { Knex } from 'knex'
import type { RootSecret } from '../crypto/key-ring.js'
import type { Mailer } from '../mail/mailer.js'
import type { Hooks } from './hooks.js'
import type { Logger } from './logger.js'
import type { Pages } from './pages.js'

/** What every feature may know of the host's options: complete, checked and frozen. */
export interface CoreSettings {
  readonly database: string | Knex
  readonly schema: string
  readonly publicBaseUrl: URL
  /** Path under which browsers see the router: `''` or `/identity`, never with a slash at its end. */
  readonly mountPath: string
  readonly isOwnOrigin: (origin: string) => boolean
  readonly secrets: readonly RootSecret[]
  /** `IDENTSPHERE_JWT_SECRET`, or the one that development made for itself. */
  readonly jwtSecret: string | undefined
  readonly cookies: { readonly secure: boolean; readonly prefix: boolean }
  /** Null if nothing can send mail. Then no mail is written, and routes that need mail do not exist. */
  readonly mailer: Mailer | null
  readonly pages: Pages
  readonly hooks: Hooks
  readonly logger: Logger
  readonly worker: 'in-process' | 'external'
  /** Whether development behavior is allowed: it was asked for, and the public address is on this machine. */
  readonly development: boolean
}
