import type { RequestContext } from '../../core/context.js'
import { IdentSphereError } from '../../core/errors.js'
import { factsOfUser } from '../../core/journal/facts.js'
import type { Journal } from '../../core/journal/journal.js'
import { clearBudgets, endPace, type PacedBudget, spendBudget, spendPaced } from '../../core/store/budgets.js'
import type { Store, Tx } from '../../core/store/store.js'
import { actions } from './actions.js'

const day = 86_400
/** Longest wait that is named to a client. */
const longestRetryAfterSeconds = 3_600

/** Wrong codes of an account in 30 days, after which only a recovery code or a passkey helps. */
const maxMisses = 100

const budgetOf = (userId: string): PacedBudget => ({
  key: `mfa:${userId}`,
  limit: maxMisses,
  windowSeconds: 30 * day,
  unpaced: 5,
  firstWaitSeconds: 15,
  longestWaitSeconds: 900,
})

/**
 * Tries at the second factor of one account, across challenges, sessions and nodes. Only a client with a first factor or a session can
 * spend them, so strangers cannot lock an account. A success ends the waits; the count goes on.
 *
 * @see NIST SP 800-63B-4 section 3.2.2; GHSA better-auth #10240, #10210: budgets that a new login began anew
 */
export function createTotpBudget({ store, journal }: { store: Store; journal: Journal }) {
  return {
    /**
     * Spends a try, before anything is compared.
     *
     * @param method codes of six digits come to an end at the limit; recovery codes cannot be guessed and only keep the pace
     * @returns whether it was one of so many in a row that its user is told if it was wrong
     * @throws IdentSphereError `rate_limited`
     */
    async spend(userId: string, method: 'totp' | 'recovery_code'): Promise<{ isTold: boolean }> {
      const outcome = await spendPaced(store, budgetOf(userId), method === 'totp')
      if ('spent' in outcome) return { isTold: outcome.paced }
      throw new IdentSphereError('rate_limited', {
        ...(outcome.exhausted
          ? {
              message:
                'Too many wrong codes. Use a recovery code or a passkey, and set your authenticator app up again.',
            }
          : {}),
        retryAfterSeconds: Math.min(outcome.waitSeconds, longestRetryAfterSeconds),
      })
    },

    /** After a right answer. */
    succeeded: (tx: Tx, userId: string): Promise<void> => endPace(tx, budgetOf(userId)),

    /** With a new factor, guesses at the old one count for nothing. */
    begin: (tx: Tx, userId: string): Promise<void> => clearBudgets(tx, [budgetOf(userId).key]),

    /** Tells the user, at most once a day, that a client guesses at the second factor. */
    async tell(tx: Tx, userId: string, context: RequestContext): Promise<void> {
      const told = { key: `mfa:${userId}:told`, limit: 1, windowSeconds: day }
      if ((await spendBudget(tx, told)) !== null) return
      const facts = factsOfUser(userId, context, { status: 'failure' })
      await journal.record(tx, actions['auth.mfa.guessing_noticed'], facts)
    },
  }
}

export type TotpBudget = ReturnType<typeof createTotpBudget>
