import { extensionPoint } from './extension-point.js'
import type { Executor, Tx } from './store/store.js'

/** Exports and erases the personal data that one feature holds about a user. */
export interface PersonalData {
  /** Name of this data in the export. */
  readonly name: string
  /** GDPR article 15. @returns JSON values */
  exportUser(db: Executor, userId: string): Promise<unknown>
  /** GDPR article 17. All features erase in one transaction. @throws IdentSphereError `conflict` if the user must act first */
  eraseUser(tx: Tx, userId: string): Promise<void>
}

export const personalData = extensionPoint<PersonalData>('core.personalData')
