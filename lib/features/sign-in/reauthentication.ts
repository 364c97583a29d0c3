import type { Auth } from '../../core/auth.js'
import type { RequestContext } from '../../core/context.js'
import { IdentSphereError } from '../../core/errors.js'
import type { Tx } from '../../core/store/store.js'
import type { AssertionResponse } from '../passkeys/webauthn-response.js'

/** A proof that was good. */
export interface FreshProof {
  /** Writes what follows from it, or uses it up. @throws IdentSphereError `invalid_credentials` where somebody was faster */
  settle(tx: Tx): Promise<void>
}

/** The ways in which a person who is signed in can prove again who they are. A way that a deployment lacks is null. */
export interface FreshProofs {
  password(auth: Auth, password: string, context: RequestContext): Promise<FreshProof>
  code: ((auth: Auth, code: string) => Promise<FreshProof>) | null
  passkey(auth: Auth, response: AssertionResponse, context: RequestContext): Promise<FreshProof>
}

/** @throws IdentSphereError `invalid_credentials`, also for a way that this deployment lacks */
export async function proveAgain(
  proofs: FreshProofs,
  auth: Auth,
  shown: { password?: string | undefined; code?: string | undefined; passkey?: AssertionResponse | undefined },
  context: RequestContext,
): Promise<FreshProof> {
  if (shown.password !== undefined) return proofs.password(auth, shown.password, context)
  if (shown.code !== undefined && proofs.code !== null) return proofs.code(auth, shown.code)
  if (shown.passkey !== undefined) return proofs.passkey(auth, shown.passkey, context)
  throw new IdentSphereError('invalid_credentials')
}
