import { extensionPoint } from './extension-point.js'
import type { Executor, Tx } from './store/store.js'

/** What one feature holds about a user: how the user sees it, and how it is erased. */
export interface PersonalData {
  /** Its name in the export. */
  readonly name: string
  /** As JSON values. GDPR article 15. */
  exportUser(db: Executor, userId: string): Promise<unknown>
  /** In one transaction with all others. GDPR article 17. @throws IdentSphereError `conflict` if it may not be erased yet */
  eraseUser(tx: Tx, userId: string): Promise<void>
}

/** What each feature holds about users. */
export const personalData = extensionPoint<PersonalData>('core.personalData')
