import { IdentSphereError } from '../../../core/errors.js'
import type { Tx } from '../../../core/store/store.js'
import { hasOtherOwner, onlyOwnedWithOthers } from '../repository.js'

/**
 * An organization needs at least one owner. Asked while the members are locked, so that no other owner can leave at the same time.
 *
 * @throws IdentSphereError `conflict`
 */
export async function assertAnotherOwner(tx: Tx, organizationId: string, userId: string): Promise<void> {
  if (await hasOtherOwner(tx, organizationId, userId)) return
  throw new IdentSphereError('conflict', { message: 'An organization needs at least one owner.' })
}

/**
 * The same for a user who leaves everything. Organizations without other members may end with their owner.
 *
 * @throws IdentSphereError `conflict` with the organizations that need another owner first
 */
export async function assertNoOrphans(tx: Tx, userId: string): Promise<void> {
  const left = await onlyOwnedWithOthers(tx, userId)
  if (left.length === 0) return
  throw new IdentSphereError('conflict', {
    message: 'Make another member an owner of these organizations first, or remove their other members.',
    details: left.map(({ id, name }) => ({ organization_id: id, name })),
  })
}
