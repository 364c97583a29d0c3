import { extensionPoint } from '../extension-point.js'
import type { Tx } from '../store/store.js'

/**
 * A kind of mail request. The worker decides later which mail to send, so the duration of the HTTP request does not reveal
 * whether an account exists.
 */
export interface MailRequest<Input extends object> {
  readonly name: string
  /** Makes a contribution to {@link mailRequests}. The worker calls `handle` in a transaction. */
  handledBy(handle: (tx: Tx, input: Input) => Promise<void>): MailRequestHandler
}

export interface MailRequestHandler {
  readonly name: string
  handle(tx: Tx, input: never): Promise<void>
}

export const mailRequests = extensionPoint<MailRequestHandler>('mail.requests')

/**
 * @example
 * ```ts
 * const passwordReset = mailRequest<{ email: string }>('passwordReset')
 * contributes: [mailRequests.of(passwordReset.handledBy(answer))]
 * await outbox.request(tx, passwordReset, { email })
 * ```
 */
export function mailRequest<Input extends object>(name: string): MailRequest<Input> {
  return { name, handledBy: (handle) => ({ name, handle: handle as MailRequestHandler['handle'] }) }
}
