import type { KeyRing } from '../crypto/key-ring.js'
import { createQueue, type Queue } from '../outbox/queue.js'
import type { Tx } from '../store/store.js'
import type { MailRecipient } from './message.js'
import type { MailRequest } from './requests.js'
import type { MailName, MailParameters } from './templates.js'

/** A mail to be sent once the transaction has committed. */
export interface OutgoingMail<Name extends MailName = MailName> {
  template: Name
  to: MailRecipient
  parameters: MailParameters[Name]
  /** Seconds after which the mail is of no use any more and is given up. Default a day. */
  expiresInSeconds?: number
}

const longestLifetimeSeconds = 86_400

/** Requests are entries of the same queue. Their kind begins with this. */
export const requestPrefix = 'request.'

/**
 * The transactional outbox of mail: mail is written in the transaction of the act that it reports, and sent by the worker. Recipient,
 * parameters, links and codes are sealed, and wiped when the mail was sent or given up.
 */
export interface Outbox {
  /** Whether mail can be sent at all. If not, nothing is written. */
  readonly enabled: boolean
  send<Name extends MailName>(tx: Tx, mail: OutgoingMail<Name>): Promise<void>
  /**
   * Leaves it to the worker to decide what a request leads to. The request does the same work whether or not an account exists, so its
   * duration tells nothing.
   *
   * @param request its handler is contributed to `mail.requests`
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
    async send(tx, { template, to, parameters, expiresInSeconds = longestLifetimeSeconds }) {
      if (!enabled) return
      await insert(tx, template, { to, parameters }, Math.min(expiresInSeconds, longestLifetimeSeconds))
    },
    async request(tx, { name }, input) {
      if (enabled) await insert(tx, `${requestPrefix}${name}`, input, longestLifetimeSeconds)
    },
  }
}
