import type { Outbox } from '../../core/mail/outbox.js'
import type { Tx } from '../../core/store/store.js'
import { type Challenges, type CodeChallenge, lifetimes } from './challenges.js'

/** Which mail carries the code of a challenge. */
const templates = {
  otp: 'signInCode',
  reauthenticate: 'confirmationCode',
} as const satisfies Record<CodeChallenge['kind'], string>

/** Makes a challenge and mails its code; for an address without an account, which gets none, only the challenge. */
export type MailCode = (tx: Tx, challenge: CodeChallenge) => Promise<void>

export function createCodeMails({ challenges, outbox }: { challenges: Challenges; outbox: Outbox }): MailCode {
  return async (tx, challenge) => {
    const { kind, userId, email } = challenge
    const code = await challenges.issueCode(tx, challenge)
    if (userId === null) return
    await outbox.send(tx, {
      template: templates[kind],
      to: { userId, email },
      parameters: { code, expiresInSeconds: lifetimes[kind] },
      expiresInSeconds: lifetimes[kind],
    })
  }
}
