import type { Clock } from '../config/clock.js'
import type { Logger } from '../config/logger.js'
import type { Contributions } from '../extension-point.js'
import type { Job } from '../jobs/worker.js'
import { createDelivery } from '../outbox/delivery.js'
import type { Queue, QueueEntry } from '../outbox/queue.js'
import type { Store } from '../store/store.js'
import type { MailRecipient, MailTransport } from './message.js'
import { requestPrefix } from './outbox.js'
import { mailRequests } from './requests.js'
import type { MailName, MailParameters, MailTemplates } from './templates.js'

/** Mails that one process sends at the same time. */
const parallelSends = 4
/** For a mail to be made and sent. A template or mailer of the host may never end. */
const defaultSendTimeoutMs = 120_000
/** Requests decided between two rounds of sending. Anybody can ask, so requests must not wait for a slow mail server. */
const requestsPerRound = 50
const requestRetrySeconds = 60

const mailKinds = { prefix: requestPrefix, has: false }
const requestKinds = { prefix: requestPrefix, has: true }

/** The job that decides mail requests and sends mail. */
export function createMailJob(deps: {
  store: Store
  clock: Clock
  queue: Queue
  transport: MailTransport
  templates: MailTemplates
  contributions: Contributions
  from: string
  /** Right half of message ids. */
  domain: string
  logger: Logger
  sendTimeoutMs?: number
}): Job {
  const { store, clock, queue, transport, templates, contributions, from, domain, logger } = deps
  const delivery = createDelivery(
    { queue, store, clock, logger },
    {
      noun: 'a mail',
      kinds: mailKinds,
      parallel: parallelSends,
      timeoutMs: deps.sendTimeoutMs ?? defaultSendTimeoutMs,
      facts: transport.server === undefined ? {} : { server: transport.server },
      deliver,
      isFinal,
      isUnreachable,
      loggable: withoutText,
    },
  )

  async function deliver(entry: QueueEntry): Promise<boolean> {
    const template = Object.hasOwn(templates, entry.kind) ? templates[entry.kind as MailName] : undefined
    if (template === undefined || entry.content === null) return false
    const { to, parameters } = entry.content as { to: MailRecipient; parameters: MailParameters[MailName] }
    const content = await template(parameters as never, to)
    const subject = oneLine(content.subject)
    await transport.send({ messageId: `<${entry.id}@${domain}>`, from, to: to.email, ...content, subject })
    return true
  }

  /** A request that cannot be decided waits by itself, and delays no other. */
  async function decideOne(): Promise<boolean> {
    const taken: QueueEntry[] = []
    try {
      return await store.transaction(async (tx) => {
        const entry = await queue.take(tx, requestKinds)
        if (entry === null) return false
        taken.push(entry)
        const name = entry.kind.slice(requestPrefix.length)
        const handler = contributions(mailRequests).find((one) => one.name === name)
        if (handler === undefined || entry.content === null) {
          logger.error({ id: entry.id, kind: entry.kind }, 'a request in the outbox cannot be read and was dropped')
          return true
        }
        await handler.handle(tx, entry.content as never)
        return true
      })
    } catch (error) {
      const entry = taken.at(-1)
      if (entry === undefined) throw error
      logger.error({ id: entry.id, kind: entry.kind, err: error }, 'a request in the outbox failed')
      await queue.postpone(store, entry.id, requestRetrySeconds)
      return true
    }
  }

  async function decide(): Promise<boolean> {
    for (let decided = 0; decided < requestsPerRound; decided += 1) {
      if (!(await decideOne())) return decided > 0
    }
    return true
  }

  return {
    name: 'mail',
    everySeconds: 2,
    async run(stopped) {
      const decided = await decide()
      return (await delivery.round(stopped)) || decided
    },
  }
}

/** A subject is one line. Nothing in it can begin another header. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').slice(0, 250)
}

/** 5xx: the server will not take this mail however often it is tried (RFC 5321 section 4.2.1). */
function isFinal(error: unknown): boolean {
  const { responseCode, code } = (error ?? {}) as { responseCode?: unknown; code?: unknown }
  return typeof responseCode === 'number' && responseCode >= 500 && (code === 'EENVELOPE' || code === 'EMESSAGE')
}

/** The server as a whole does not answer, or refuses the sign-in. */
function isUnreachable(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown }
  return typeof code === 'string' && code !== 'EENVELOPE' && code !== 'EMESSAGE'
}

/** Answers of servers may quote the mail or its recipient, so the log gets codes only. */
function withoutText(error: unknown): Error {
  const { code, responseCode, command } = (error ?? {}) as Record<string, unknown>
  const known = [code, responseCode, command].filter((part) => typeof part === 'string' || typeof part === 'number')
  return new Error(`sending failed: ${known.join(' ') || 'unknown'}`)
}
