import { IdentSphereError } from '../../../core/errors.js'
import type { Tx } from '../../../core/store/store.js'
import { hasOtherOwner, onlyOwnedWithOthers } from '../repository.js'

/**
 * An organization needs at least one owner. The caller has locked the members, so that other owners cannot leave at the same
 * time.
 *
 * @throws IdentSphereError `conflict`
 */
export async function assertAnotherOwner(tx: Tx, organizationId: string, userId: string): Promise<void> {
  if (await hasOtherOwner(tx, organizationId, userId)) return
  throw new IdentSphereError('conflict', { message: 'An organization needs at least one owner.' })
}

/**
 * Checks all organizations of a user who leaves them. Organizations without other members may be deleted with their owner.
 *
 * @throws IdentSphereError `conflict` with the organizations that need another owner
 */
export async function assertNoOrphans(tx: Tx, userId: string): Promise<void> {
  const orphans = await onlyOwnedWithOthers(tx, userId)
  if (orphans.length === 0) return
  throw new IdentSphereError('conflict', {
    message: 'Make another member an owner of these organizations first, or remove their other members.',
    details: orphans.map(({ id, name }) => ({ organization_id: id, name })),
  })
}
