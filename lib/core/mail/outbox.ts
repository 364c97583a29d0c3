import type { KeyRing } from '../crypto/key-ring.js'
import { createQueue, type Queue } from '../outbox/queue.js'
import type { Tx } from '../store/store.js'
import { mapped, type Query, sendTogether } from '../store/together.js'
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
  /** The same as `request`, to be sent with other statements. */
  requesting<Input extends object>(tx: Tx, request: MailRequest<Input>, input: Input): readonly Query<void>[]
}

/** The queue of mails and mail requests. */
export function mailQueue(keys: KeyRing): Queue {
  return createQueue(keys, 'mail_outbox', { kind: 'template', sealed: 'sealed_parameters' })
}

export function createOutbox(deps: { queue: Queue; enabled: boolean; wake: () => void }): Outbox {
  const { queue, enabled, wake } = deps

  function inserting(tx: Tx, kind: string, content: object, lifetimeSeconds: number): readonly Query<void>[] {
    if (!enabled) return []
    return [mapped(queue.inserting(tx, kind, content, lifetimeSeconds), () => tx.afterCommit(wake))]
  }

  function requesting<Input extends object>(tx: Tx, { name }: MailRequest<Input>, input: Input) {
    return inserting(tx, `${requestPrefix}${name}`, input, maxLifetimeSeconds)
  }

  return {
    enabled,
    async send(tx, { template, to, parameters, expiresInSeconds = maxLifetimeSeconds }) {
      const seconds = Math.min(expiresInSeconds, maxLifetimeSeconds)
      await sendTogether(tx, { mail: inserting(tx, template, { to, parameters }, seconds) })
    },
    requesting,
    async request(tx, request, input) {
      await sendTogether(tx, { request: requesting(tx, request, input) })
    },
  }
}
