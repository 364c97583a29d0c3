import { extensionPoint } from '../extension-point.js'
import type { Tx } from '../store/store.js'

/**
 * A kind of mail request. What a request leads to is decided by the worker, so its duration tells nobody whether an account exists.
 */
export interface MailRequest<Input extends object> {
  readonly name: string
  /** The handler, as a contribution to {@link mailRequests}. It runs in the worker, in one transaction with what it writes. */
  handledBy(handle: (tx: Tx, input: Input) => Promise<void>): MailRequestHandler
}

/** A kind of request together with its handler. */
export interface MailRequestHandler {
  readonly name: string
  handle(tx: Tx, input: never): Promise<void>
}

/** Handlers of mail requests. */
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
