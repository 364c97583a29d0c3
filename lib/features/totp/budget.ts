import type { RequestContext } from '../../core/context.js'
import { IdentSphereError } from '../../core/errors.js'
import { factsOfUser } from '../../core/journal/facts.js'
import type { Journal } from '../../core/journal/journal.js'
import { clearBudgets, endPace, type PacedBudget, spendBudget, spendPaced } from '../../core/store/budgets.js'
import type { Store, Tx } from '../../core/store/store.js'
import { actions } from './actions.js'

const daySeconds = 86_400
/** Limits `Retry-After`. */
const maxRetryAfterSeconds = 3_600

/** Wrong codes per account in 30 days. After that, the user needs a recovery code or a passkey. */
const maxWrongCodes = 100

const budgetOf = (userId: string): PacedBudget => ({
  key: `mfa:${userId}`,
  limit: maxWrongCodes,
  windowSeconds: 30 * daySeconds,
  unpaced: 5,
  firstWaitSeconds: 15,
  longestWaitSeconds: 900,
})

/**
 * The budget for codes of one account, across challenges, sessions and nodes. Only a client with a first factor or a session can
 * spend it, so strangers cannot lock an account. A success ends the waiting times, but does not reset the count.
 *
 * @see NIST SP 800-63B-4 section 3.2.2; GHSA better-auth #10240, #10210: a new login reset the budget
 */
export function createTotpBudget({ store, journal }: { store: Store; journal: Journal }) {
  return {
    /**
     * Spends a try, before the code is compared.
     *
     * @param method the limit applies to codes of six digits. For recovery codes only the waiting times apply, because they cannot
     * be guessed.
     * @returns whether the user should get a notice if the code is wrong
     * @throws IdentSphereError `rate_limited`
     */
    async spend(userId: string, method: 'totp' | 'recovery_code'): Promise<{ shouldNotify: boolean }> {
      const outcome = await spendPaced(store, budgetOf(userId), method === 'totp')
      if ('spent' in outcome) return { shouldNotify: outcome.paced }
      throw new IdentSphereError('rate_limited', {
        ...(outcome.exhausted
          ? {
              message:
                'Too many wrong codes. Use a recovery code or a passkey, and set up your authenticator app again.',
            }
          : {}),
        retryAfterSeconds: Math.min(outcome.waitSeconds, maxRetryAfterSeconds),
      })
    },

    /** Ends the waiting times after a correct code. */
    succeed: (tx: Tx, userId: string): Promise<void> => endPace(tx, budgetOf(userId)),

    /** Resets the count after a new enrollment. */
    reset: (tx: Tx, userId: string): Promise<void> => clearBudgets(tx, [budgetOf(userId).key]),

    /** Sends the user a notice about wrong codes, at most once a day. */
    async notify(tx: Tx, userId: string, context: RequestContext): Promise<void> {
      const notices = { key: `mfa:${userId}:told`, limit: 1, windowSeconds: daySeconds }
      if ((await spendBudget(tx, notices)) !== null) return
      const facts = factsOfUser(userId, context, { status: 'failure' })
      await journal.record(tx, actions['auth.mfa.guessing_noticed'], facts)
    },
  }
}

export type TotpBudget = ReturnType<typeof createTotpBudget>
