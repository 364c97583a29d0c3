import type { z } from 'zod'
import type { Auth } from '../../core/auth.js'
import type { RequestContext } from '../../core/context.js'
import { extensionPoint } from '../../core/extension-point.js'
import type { CookieChange } from '../../core/http/cookies.js'
import type { Executor, Tx } from '../../core/store/store.js'
import type { Query } from '../../core/store/together.js'
import type { FirstFactor } from './first-factor.js'

/** Methods that complete a challenge. */
export type SecondFactorMethod = 'totp' | 'passkey' | 'recovery_code'

/** One kind of second factor. */
export interface SecondFactor {
  /** True if sign-ins require it. Otherwise it is optional for sign-ins, but still counts for changes of factors. */
  readonly demandsChallenge: boolean
  /** The enrolled methods of a user. */
  methods(db: Executor, userId: string): Query<readonly SecondFactorMethod[]>
}

export const secondFactors = extensionPoint<SecondFactor>('sign-in.secondFactors')

/** Exempts a sign-in from its challenge. */
export interface ChallengeExemption {
  /** The trusted browser. */
  readonly browserId: string
  /** The new cookie of the browser, or null if its current one stays valid. */
  readonly cookie: CookieChange | null
}

/** Called for each sign-in that needs a challenge. The first result that is not null is used. */
export const challengeExemptions =
  extensionPoint<(tx: Tx, firstFactor: FirstFactor) => Promise<ChallengeExemption | null>>(
    'sign-in.challengeExemptions',
  )

/** A verified proof of identity that was not consumed yet. */
export interface Reauthentication {
  /** Consumes the proof. @throws IdentSphereError `invalid_credentials` if another request has consumed it */
  apply(tx: Tx): Promise<void>
}

/** A method of reauthentication for signed-in users. */
export interface ReauthenticationMethod<Value> {
  /** Field of the body that contains the proof. */
  readonly field: string
  readonly schema: z.ZodType
  /** @throws IdentSphereError `invalid_credentials`, also if the method is not available */
  prove(auth: Auth, value: Value, context: RequestContext): Promise<Reauthentication>
}

export const reauthenticationMethods = extensionPoint<ReauthenticationMethod<never>>('sign-in.reauthenticationMethods')

/** Purposes of reauthentications. The first act with that purpose consumes it. */
export const reauthenticationPurposes = extensionPoint<string>('sign-in.reauthenticationPurposes')
