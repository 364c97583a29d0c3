import type { KeyRing } from '../crypto/key-ring.js'
import { createQueue, type Queue } from '../outbox/queue.js'
import type { Tx } from '../store/store.js'
import type { MailRecipient } from './message.js'
import type { MailRequest } from './requests.js'
import type { MailName, MailParameters } from './templates.js'

/** A mail that is sent after the transaction has committed. */
export interface OutgoingMail<Name extends MailName = MailName> {
  template: Name
  to: MailRecipient
  parameters: MailParameters[Name]
  /** Seconds after which the mail is no longer sent. Default and maximum: one day. */
  expiresInSeconds?: number
}

const maxLifetimeSeconds = 86_400

/** Mail requests are entries of the same queue. Their kind begins with this prefix. */
export const requestPrefix = 'request.'

/**
 * The transactional outbox of mail. A mail is written in the transaction of the change that it reports. The worker sends it.
 * Recipient and parameters are sealed, and are deleted after the mail was sent or given up.
 */
export interface Outbox {
  /** Whether mail can be sent. If not, `send` and `request` do nothing. */
  readonly enabled: boolean
  send<Name extends MailName>(tx: Tx, mail: OutgoingMail<Name>): Promise<void>
  /**
   * Writes a request that the worker handles later. The work is the same whether or not an account exists, so its duration
   * reveals nothing.
   *
   * @param request a feature contributes its handler to `mail.requests`
   */
  request<Input extends object>(tx: Tx, request: MailRequest<Input>, input: Input): Promise<void>
}

/** The queue of mails and mail requests. */
export function mailQueue(keys: KeyRing): Queue {
  return createQueue(keys, 'mail_outbox', { kind: 'template', sealed: 'sealed_parameters' })
}

export function createOutbox(deps: { queue: Queue; enabled: boolean; wake: () => void }): Outbox {
  const { queue, enabled, wake } = deps

  async function insert(tx: Tx, kind: string, content: object, lifetimeSeconds: number): Promise<void> {
    await queue.insert(tx, kind, content, lifetimeSeconds)
    tx.afterCommit(wake)
  }

  return {
    enabled,
    async send(tx, { template, to, parameters, expiresInSeconds = maxLifetimeSeconds }) {
      if (!enabled) return
      await insert(tx, template, { to, parameters }, Math.min(expiresInSeconds, maxLifetimeSeconds))
    },
    async request(tx, { name }, input) {
      if (enabled) await insert(tx, `${requestPrefix}${name}`, input, maxLifetimeSeconds)
    },
  }
}
