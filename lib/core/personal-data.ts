import type { Executor, Tx } from './store/store.js'

/** What one room holds about a person: how it is shown to that person, and how it goes. */
export interface PersonalData {
  /** Its name in the export. */
  readonly name: string
  /** As JSON values. GDPR article 15. */
  exportUser(db: Executor, userId: string): Promise<unknown>
  /** In one transaction with all the others. GDPR article 17. @throws IdentSphereError `conflict` where it may not go yet */
  eraseUser(tx: Tx, userId: string): Promise<void>
}
