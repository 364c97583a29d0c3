import type { Outbox } from '../../core/mail/outbox.js'
import type { Tx } from '../../core/store/store.js'
import { type Challenges, type CodeChallenge, lifetimeSeconds } from './challenges.js'

/** The mail for each kind of code. */
const templates = {
  otp: 'signInCode',
  reauthenticate: 'confirmationCode',
} as const satisfies Record<CodeChallenge['kind'], string>

/** Creates a challenge and mails its code. An address without an account gets no mail. */
export type MailCode = (tx: Tx, challenge: CodeChallenge) => Promise<void>

export function createCodeMails({ challenges, outbox }: { challenges: Challenges; outbox: Outbox }): MailCode {
  return async (tx, challenge) => {
    const { kind, userId, email } = challenge
    const code = await challenges.issueCode(tx, challenge)
    if (userId === null) return
    await outbox.send(tx, {
      template: templates[kind],
      to: { userId, email },
      parameters: { code, expiresInSeconds: lifetimeSeconds[kind] },
      expiresInSeconds: lifetimeSeconds[kind],
    })
  }
}
