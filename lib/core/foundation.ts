import type { Clock } from './config/clock.js'
import type { Logger } from './config/logger.js'
import type { CoreSettings } from './config/settings.js'
import { createKeyRing, type KeyRing } from './crypto/key-ring.js'
import { type Contributions, createContributions } from './extension-point.js'
import { type CookieAttributes, type CookieJar, createCookieJar } from './http/cookies.js'
import { createForeignOrigin, type ForeignOrigin } from './http/origin.js'
import { createJournal, type Journal } from './journal/journal.js'
import { createLinks, type Links } from './mail/links.js'
import { createOutbox, mailQueue, type Outbox } from './mail/outbox.js'
import type { Queue } from './outbox/queue.js'
import { type Database, openDatabase } from './store/database.js'
import { createHostCalls, type HostCalls } from './store/host-calls.js'
import { createReadiness } from './store/readiness.js'
import { Store } from './store/store.js'

/** Core services that every feature receives. */
export interface Foundation {
  readonly settings: CoreSettings
  readonly clock: Clock
  readonly logger: Logger
  readonly keys: KeyRing
  readonly database: Database
  readonly store: Store
  readonly journal: Journal
  /** Sends mail after the transaction has committed. */
  readonly outbox: Outbox
  readonly mailQueue: Queue
  readonly links: Links
  readonly cookies: CookieJar
  readonly foreignOrigin: ForeignOrigin
  /** Runs calls of `identsphere.api`. */
  readonly hostCalls: HostCalls
  /** Whether mail can be sent. If not, features offer nothing that needs mail. */
  readonly canMail: boolean
  /** Reads the contributions to an extension point, after all features are open. */
  readonly contributions: Contributions
  /** Opens the database at the first call. @throws IdentSphereError `service_unavailable` */
  ready(): Promise<void>
}

/** Declarations of all features that the foundation needs. */
export interface Declared {
  cookies: Readonly<Record<string, CookieAttributes>>
  keyPurposes: readonly string[]
  sealedTables: readonly string[]
}

/** The foundation with the parts that `assemble()` sets after the features are open. */
export interface OpenFoundation extends Foundation {
  readonly collected: ReturnType<typeof createContributions>
  /** Called when mail was written. */
  onMail: () => void
  /** Called when the database can serve. */
  onReady: () => void
}

export function openFoundation(settings: CoreSettings, declared: Declared, clock: Clock): OpenFoundation {
  const { logger, schema } = settings
  const collected = createContributions()
  const contributions = collected.read
  const keys = createKeyRing(settings.secrets, [...coreKeyPurposes, ...declared.keyPurposes])
  const database = openDatabase(settings.database, logger)
  const store = new Store(database, schema, clock)
  const sealedTables = [...coreSealedTables, ...declared.sealedTables]
  const readiness = createReadiness({ store, schemaName: schema, keys, sealedTables, logger })
  const canMail = settings.mailer !== null
  const mails = mailQueue(keys)

  const foundation: OpenFoundation = {
    settings,
    clock,
    logger,
    keys,
    database,
    store,
    journal: createJournal({ keys, hooks: settings.hooks, contributions, logger }),
    outbox: createOutbox({ queue: mails, enabled: canMail, wake: () => foundation.onMail() }),
    mailQueue: mails,
    links: createLinks(settings.pages),
    cookies: createCookieJar({ mountPath: settings.mountPath, ...settings.cookies, attributes: declared.cookies }),
    foreignOrigin: createForeignOrigin(settings),
    hostCalls: createHostCalls({ store, ready }),
    canMail,
    contributions,
    ready,
    collected,
    onMail: () => {},
    onReady: () => {},
  }

  async function ready(): Promise<void> {
    await readiness.ready()
    foundation.onReady()
  }
  return foundation
}

/** `sealing` seals mail, links and audit keys. */
const coreKeyPurposes = ['sealing']

const coreSealedTables = ['audit_subject_keys']
