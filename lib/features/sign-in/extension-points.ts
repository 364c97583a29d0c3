import type { z } from 'zod'
import type { Auth } from '../../core/auth.js'
import type { RequestContext } from '../../core/context.js'
import { extensionPoint } from '../../core/extension-point.js'
import type { CookieChange } from '../../core/http/cookies.js'
import type { Executor, Tx } from '../../core/store/store.js'
import type { Query } from '../../core/store/together.js'
import type { FirstFactor } from './first-factor.js'

/** How a challenge can be answered. */
export type SecondFactorMethod = 'totp' | 'passkey' | 'recovery_code'

/** A feature that keeps second factors. */
export interface SecondFactor {
  /** Whether sign-ins by another first factor have to meet it. If not, it may be used, and counts where factors are changed. */
  readonly demandsChallenge: boolean
  /** The methods that this user has enrolled. */
  methods(db: Executor, userId: string): Query<readonly SecondFactorMethod[]>
}

export const secondFactors = extensionPoint<SecondFactor>('sign-in.secondFactors')

/** Why a sign-in is not asked for its second factor. */
export interface ChallengeExemption {
  /** The trusted browser. */
  readonly browserId: string
  /** The cookie that the browser keeps from now on; null if it has the right one already. */
  readonly cookie: CookieChange | null
}

/** Asked for each sign-in that would meet a challenge. The first answer that is not null counts. */
export const challengeExemptions =
  extensionPoint<(tx: Tx, firstFactor: FirstFactor) => Promise<ChallengeExemption | null>>(
    'sign-in.challengeExemptions',
  )

/** A proof of identity that was right, and is not used up yet. */
export interface Reauthentication {
  /** Writes what follows from it, or uses it up. @throws IdentSphereError `invalid_credentials` if another request was faster */
  apply(tx: Tx): Promise<void>
}

/** A way for a signed-in user to prove again who they are. */
export interface ReauthenticationMethod<Value> {
  /** The field of the body that carries the proof. */
  readonly field: string
  readonly schema: z.ZodType
  /** @throws IdentSphereError `invalid_credentials`, also if this deployment lacks the method */
  prove(auth: Auth, value: Value, context: RequestContext): Promise<Reauthentication>
}

export const reauthenticationMethods = extensionPoint<ReauthenticationMethod<never>>('sign-in.reauthenticationMethods')

/** What a reauthentication may be made for. It is used up by the first act of that kind. */
export const reauthenticationPurposes = extensionPoint<string>('sign-in.reauthenticationPurposes')
