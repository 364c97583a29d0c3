import { setTimeout as wait } from 'node:timers/promises'
import type { Clock } from '../config/clock.js'
import type { Logger } from '../config/logger.js'
import type { KeyRing } from '../crypto/key-ring.js'
import { deadline } from '../deadline.js'
import type { Contributions } from '../extension-point.js'
import type { Job } from '../jobs/worker.js'
import type { Store } from '../store/store.js'
import type { MailContent, MailRecipient, MailTransport } from './message.js'
import {
  claimMail,
  extendClaim,
  giveUp,
  markSent,
  type OutboxEntry,
  postpone,
  requestPrefix,
  takeRequest,
} from './outbox.js'
import { mailRequests } from './requests.js'
import type { MailName, MailParameters, MailTemplates } from './templates.js'

/** Seconds for which a mail belongs to the process that claimed it; renewed while it is on its way. */
const leaseSeconds = 60
const leaseRenewalMs = 20_000
/** Mails that one process sends at the same time. */
const parallelSends = 4
/** Seconds between attempts: doubled each time. */
const firstRetrySeconds = 5
const longestRetrySeconds = 3_600
const requestRetrySeconds = 60
/** Requests decided between two rounds of sending. Anybody can ask, so requests must not wait for a slow mail server. */
const requestsPerRound = 50
/** For a mail to be made and sent. A template or mailer of the host may never end. */
const defaultSendTimeoutMs = 120_000
/** For how long a process does not connect to a mail server that it cannot reach: doubled each time. */
const firstUnreachableMs = 1_000
const longestUnreachableMs = 60_000

/**
 * The job that sends what is in the outbox. A mail belongs to whoever claimed it; one whose process died is claimed again when
 * the lease ends. What the server has confirmed is never tried again: marking it is repeated until the database has it.
 */
export function createMailJob(options: {
  store: Store
  clock: Clock
  keys: KeyRing
  transport: MailTransport
  templates: MailTemplates
  contributions: Contributions
  from: string
  /** Right half of message ids. */
  domain: string
  logger: Logger
  sendTimeoutMs?: number
}): Job {
  const { store, clock, keys, transport, templates, contributions, from, domain, logger } = options
  const { sendTimeoutMs = defaultSendTimeoutMs } = options
  let unreachableMs = firstUnreachableMs
  let unreachableUntil = 0

  /** One request that cannot be decided waits by itself, and holds up no other. */
  async function decideOne(): Promise<boolean> {
    const taken: OutboxEntry[] = []
    try {
      return await store.transaction(async (tx) => {
        const entry = await takeRequest(tx, keys)
        if (entry === null) return false
        taken.push(entry)
        const name = entry.template.slice(requestPrefix.length)
        const handler = contributions(mailRequests).find((one) => one.name === name)
        if (handler === undefined || entry.content === null) {
          logger.error(
            { id: entry.id, template: entry.template },
            'a request in the outbox cannot be read and was dropped',
          )
          return true
        }
        await handler.handle(tx, entry.content as never)
        return true
      })
    } catch (error) {
      const entry = taken.at(-1)
      if (entry === undefined) throw error
      logger.error({ id: entry.id, template: entry.template, err: error }, 'a request in the outbox failed')
      await postpone(store, entry.id, requestRetrySeconds)
      return true
    }
  }

  async function decide(): Promise<boolean> {
    for (let decided = 0; decided < requestsPerRound; decided += 1) {
      if (!(await decideOne())) return decided > 0
    }
    return true
  }

  async function render(entry: OutboxEntry): Promise<{ to: MailRecipient; content: MailContent } | null> {
    const template = Object.hasOwn(templates, entry.template) ? templates[entry.template as MailName] : undefined
    if (template === undefined || entry.content === null) return null
    const { to, parameters } = entry.content as { to: MailRecipient; parameters: MailParameters[MailName] }
    const content = await template(parameters as never, to)
    return { to, content: { ...content, subject: oneLine(content.subject) } }
  }

  /** @returns false where it cannot be made */
  async function deliver(entry: OutboxEntry): Promise<boolean> {
    const mail = await render(entry)
    if (mail === null) return false
    await transport.send({ messageId: `<${entry.id}@${domain}>`, from, to: mail.to.email, ...mail.content })
    return true
  }

  /** @returns whether there was one */
  async function sendOne(stopped: AbortSignal): Promise<boolean> {
    const entry = await claimMail(store, keys, leaseSeconds)
    if (entry === null) return false
    if (entry.isTooLate) {
      logger.warn({ id: entry.id, template: entry.template }, 'a mail came too late to be of use and was given up')
      await giveUp(store, entry.id)
      return true
    }
    const renewing = setInterval(() => {
      extendClaim(store, entry.id, leaseSeconds).catch(() => {})
    }, leaseRenewalMs)
    renewing.unref()
    try {
      if (!(await deadline(deliver(entry), sendTimeoutMs, timedOut))) {
        logger.error({ id: entry.id, template: entry.template }, 'a mail cannot be made and was given up')
        await giveUp(store, entry.id)
        return true
      }
    } catch (error) {
      await failed(entry, error)
      return true
    } finally {
      clearInterval(renewing)
    }
    unreachableMs = firstUnreachableMs
    await untilMarked(entry.id, stopped)
    return true
  }

  async function failed(entry: OutboxEntry, error: unknown): Promise<void> {
    const { id, template, attempts } = entry
    const server = transport.server === undefined ? {} : { server: transport.server }
    const facts = { id, template, attempts, ...server, err: withoutText(error) }
    if (isFinal(error)) {
      logger.warn(facts, 'the mail server refused a mail for good')
      await giveUp(store, entry.id)
      return
    }
    if (isUnreachable(error)) {
      unreachableUntil = clock.now() + unreachableMs
      unreachableMs = Math.min(unreachableMs * 2, longestUnreachableMs)
    }
    const pause = Math.min(firstRetrySeconds * 2 ** Math.min(entry.attempts - 1, 12), longestRetrySeconds)
    const gaveUp = await postpone(store, entry.id, pause)
    logger.warn(
      facts,
      gaveUp ? 'a mail was not sent in time and was given up' : 'a mail was not sent and will be tried again',
    )
  }

  /** The server has it: forgetting that would send it twice. */
  async function untilMarked(id: string, stopped: AbortSignal): Promise<void> {
    for (let pause = 100; !stopped.aborted; pause = Math.min(pause * 2, 5_000)) {
      try {
        await markSent(store, id)
        return
      } catch (error) {
        logger.warn({ id, err: error }, 'a mail was sent, and the database does not take note of it yet')
        await wait(pause)
      }
    }
  }

  return {
    name: 'mail',
    everySeconds: 2,
    async run(stopped) {
      const decided = await decide()
      if (clock.now() < unreachableUntil) return decided
      // All of them end first: one that fails must not leave another's mail on its way without anybody to wait for it.
      const sent = await Promise.allSettled(Array.from({ length: parallelSends }, () => sendOne(stopped)))
      for (const outcome of sent) if (outcome.status === 'rejected') throw outcome.reason
      return decided || sent.some((outcome) => outcome.status === 'fulfilled' && outcome.value)
    },
  }
}

function timedOut(): never {
  throw Object.assign(new Error(), { code: 'ETIMEDOUT' })
}

/** A subject is one line: whatever else a name in it holds, it begins no header. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').slice(0, 250)
}

/** 5xx: the server will not take this mail however often it is tried (RFC 5321 section 4.2.1). */
function isFinal(error: unknown): boolean {
  const { responseCode, code } = (error ?? {}) as { responseCode?: unknown; code?: unknown }
  return typeof responseCode === 'number' && responseCode >= 500 && (code === 'EENVELOPE' || code === 'EMESSAGE')
}

/** The server as a whole does not answer, or does not let us in. */
function isUnreachable(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown }
  return typeof code === 'string' && code !== 'EENVELOPE' && code !== 'EMESSAGE'
}

/** What servers answer may quote the mail or its recipient: the log gets codes only. */
function withoutText(error: unknown): Error {
  const { code, responseCode, command } = (error ?? {}) as Record<string, unknown>
  const known = [code, responseCode, command].filter((part) => typeof part === 'string' || typeof part === 'number')
  return new Error(`sending failed: ${known.join(' ') || 'unknown'}`)
}
