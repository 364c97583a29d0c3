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

/** Mails that one process sends in parallel. */
const parallelSends = 4
/** Limits template and transport together. A function of the host may never return. */
const defaultSendTimeoutMs = 120_000
/** Requests decided between two rounds of sending. Requests must not wait for a slow mail server. */
const requestsPerRound = 50
const requestRetrySeconds = 60

const mailKinds = { prefix: requestPrefix, has: false }
const requestKinds = { prefix: requestPrefix, has: true }

/** The job that handles mail requests and sends mail. */
export function createMailJob(deps: {
  store: Store
  clock: Clock
  queue: Queue
  transport: MailTransport
  templates: MailTemplates
  contributions: Contributions
  from: string
  /** Domain of the `Message-ID` headers. */
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

  /** A request that fails is retried later and does not delay other requests. @returns whether there was a request */
  async function handleOne(): Promise<boolean> {
    const taken: QueueEntry[] = []
    try {
      return await store.transaction(async (tx) => {
        const entry = await queue.take(tx, requestKinds)
        if (entry === null) return false
        taken.push(entry)
        const name = entry.kind.slice(requestPrefix.length)
        const handler = contributions(mailRequests).find((candidate) => candidate.name === name)
        if (handler === undefined || entry.content === null) {
          logger.error({ id: entry.id, kind: entry.kind }, 'a mail request cannot be read and was dropped')
          return true
        }
        await handler.handle(tx, entry.content as never)
        return true
      })
    } catch (error) {
      const entry = taken.at(-1)
      if (entry === undefined) throw error
      logger.error({ id: entry.id, kind: entry.kind, err: error }, 'a mail request failed and will be tried again')
      await queue.postpone(store, entry.id, requestRetrySeconds)
      return true
    }
  }

  async function handleRequests(): Promise<boolean> {
    for (let handled = 0; handled < requestsPerRound; handled += 1) {
      if (!(await handleOne())) return handled > 0
    }
    return true
  }

  return {
    name: 'mail',
    everySeconds: 2,
    async run(stopped) {
      const hasHandled = await handleRequests()
      return (await delivery.round(stopped)) || hasHandled
    },
  }
}

/** Removes line breaks, so that a subject cannot start another header. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').slice(0, 250)
}

/** 5xx: the server refuses this mail permanently (RFC 5321 section 4.2.1). */
function isFinal(error: unknown): boolean {
  const { responseCode, code } = (error ?? {}) as { responseCode?: unknown; code?: unknown }
  return typeof responseCode === 'number' && responseCode >= 500 && (code === 'EENVELOPE' || code === 'EMESSAGE')
}

/** The server does not answer, or refuses our credentials. */
function isUnreachable(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown }
  return typeof code === 'string' && code !== 'EENVELOPE' && code !== 'EMESSAGE'
}

/** An answer of a server may quote the mail or its recipient. So only codes are logged. */
function withoutText(error: unknown): Error {
  const { code, responseCode, command } = (error ?? {}) as Record<string, unknown>
  const known = [code, responseCode, command].filter((part) => typeof part === 'string' || typeof part === 'number')
  return new Error(`sending failed: ${known.join(' ') || 'unknown'}`)
}
