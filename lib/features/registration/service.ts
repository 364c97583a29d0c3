import type { Config } from '../../core/config/config.js'
import type { RequestContext } from '../../core/context.js'
import { uuidv7 } from '../../core/crypto/random.js'
import { IdentSphereError } from '../../core/errors.js'
import { invalidInput, wordsFor } from '../../core/http/validate.js'
import type { Journal } from '../../core/journal/journal.js'
import type { Links } from '../../core/mail/links.js'
import type { Outbox } from '../../core/mail/outbox.js'
import type { Store, Tx } from '../../core/store/store.js'
import type { Challenges, ProvenChallenge } from '../email/challenges.js'
import type { MailLink } from '../email/link-mails.js'
import type { Verification } from '../email/verification.js'
import { longestOrganizationName, type Organizations } from '../organizations/service.js'
import type { Passwords } from '../passwords/service.js'
import type { Entered, SignIn } from '../sign-in/service.js'
import { type Accounts, emailTaken } from '../users/service.js'

export interface Registration {
  email: string
  password: string
  display_name?: string | undefined
  organization_name?: string | undefined
  organization_slug?: string | undefined
  fields?: unknown
}

/** Somebody whose account is to be made. */
export interface Admission {
  email: string
  displayName: string | null
  /** Null for accounts that sign in without a password. */
  passwordHash: string | null
  /** What the host's `beforeRegister` gets. */
  fields: Readonly<Record<string, unknown>>
  /** Makes the new user a member of an organisation, in the same transaction. @returns its id, null for none */
  organizationFor(userId: string): Promise<string | null>
}

export function createRegistration(options: {
  store: Store
  journal: Journal
  accounts: Accounts
  passwords: Passwords
  organizations: Organizations
  signIn: SignIn
  challenges: Challenges
  verification: Verification
  outbox: Outbox
  links: Links
  mailLink: MailLink
  config: Pick<Config, 'registration' | 'hooks'>
}) {
  const {
    store,
    journal,
    accounts,
    passwords,
    organizations,
    signIn,
    challenges,
    verification,
    outbox,
    links,
    mailLink,
    config,
  } = options

  function hostFields(value: unknown): Readonly<Record<string, unknown>> {
    const schema = config.registration.fields
    if (schema === null) return {}
    const parsed = schema.safeParse(value ?? {}, { error: wordsFor })
    if (parsed.success) return parsed.data as Record<string, unknown>
    throw invalidInput(
      parsed.error.issues.map(({ path, message }) => ({ path: ['fields', ...path].join('.'), message })),
    )
  }

  async function createOrganization(
    tx: Tx,
    ownerId: string,
    input: Omit<Registration, 'password'>,
  ): Promise<string | null> {
    const kind = config.registration.organization
    if (kind === 'none') return null
    const owner = input.display_name || input.email.slice(0, input.email.indexOf('@'))
    const personal = [...owner].slice(0, longestOrganizationName).join('').trim()
    const name = kind === 'personal' ? personal : (input.organization_name ?? personal)
    return organizations.create(tx, { name, slug: input.organization_slug ?? null, ownerId })
  }

  /** The account and all that belongs to it: organisation, the host's own rows and the audit row. */
  async function admit(
    tx: Tx,
    { email, displayName, passwordHash, fields, organizationFor }: Admission,
    context: RequestContext,
  ): Promise<{ userId: string; organizationId: string | null }> {
    const userId = uuidv7()
    await accounts.insert(tx, { id: userId, email, displayName, passwordHash })
    // Until now there was nothing to guess: what strangers spent on the address must not lock its new account.
    await passwords.forgetFailures(tx, email)
    const organizationId = await organizationFor(userId)
    await config.hooks.beforeRegister?.(tx.trx, { userId, email, displayName, organizationId, fields })
    await journal.record(tx, 'auth.register', {
      actorId: userId,
      organizationId,
      resource: { type: 'user', id: userId },
      email,
      context,
    })
    return { userId, organizationId }
  }

  function assertOpen(): void {
    if (config.registration.mode === 'open') return
    throw new IdentSphereError('forbidden', { message: 'Registration is not open.' })
  }

  /** @throws IdentSphereError `forbidden`, `invalid_input` */
  async function prepare(input: Registration, context: RequestContext): Promise<PreparedRegistration> {
    assertOpen()
    hostFields(input.fields)
    const owner = {
      email: input.email,
      displayName: input.display_name || null,
      ...(input.organization_name === undefined ? {} : { organizationName: input.organization_name }),
    }
    const { password, ...rest } = input
    return { ...rest, passwordHash: await passwords.hashNew(password, owner, context) }
  }

  async function create(
    tx: Tx,
    prepared: PreparedRegistration,
    isVerified: boolean,
    context: RequestContext,
  ): Promise<Entered> {
    const { email, passwordHash } = prepared
    const { userId, organizationId } = await admit(
      tx,
      {
        email,
        displayName: prepared.display_name || null,
        passwordHash,
        // Not earlier: what a schema makes, e.g. a date, need not outlast the wait as JSON.
        fields: hostFields(prepared.fields),
        organizationFor: (owner) => createOrganization(tx, owner, prepared),
      },
      context,
    )
    if (isVerified) await accounts.markVerified(tx, userId, email)
    else {
      // After the row: whoever changes the address at this moment has by then committed the way back.
      if (await challenges.isKeptForUndo(tx, email)) throw emailTaken()
      await verification.request(tx, userId)
    }
    return signIn.enter(tx, {
      userId,
      organizationId,
      securityVersion: 1,
      authMethod: 'password',
      amr: ['pwd'],
      context,
    })
  }

  return {
    admit,

    /**
     * Makes user, organisation, owner membership, session and audit row in one transaction, and mails a link that verifies the
     * address.
     *
     * @throws IdentSphereError `forbidden` where registration is not open, `invalid_input`, `conflict`, or what the host's
     * `beforeRegister` throws
     */
    async now(input: Registration, context: RequestContext): Promise<Entered> {
      const prepared = await prepare(input, context)
      return store.transaction((tx) => create(tx, prepared, false, context))
    },

    /** With `verification: 'first'`: keeps the registration until the address is proven. The same for every address. */
    async later(input: Registration, context: RequestContext): Promise<void> {
      const prepared = await prepare(input, context)
      await store.transaction((tx) => outbox.request(tx, 'registration', prepared))
    },

    /** In the worker: a link to whoever has no account yet, a hint to whoever has one. */
    async answer(tx: Tx, prepared: PreparedRegistration): Promise<void> {
      const { email } = prepared
      if (!(await challenges.mayMail(tx, email))) return
      const known = await accounts.credentialsByEmail(tx, email)
      if (known !== undefined) {
        await outbox.send(tx, {
          template: 'alreadyRegistered',
          to: { userId: known.id, email },
          parameters: { signInLink: links.signIn(), resetLink: links.page('resetPassword') },
        })
        return
      }
      await mailLink(tx, {
        kind: 'register',
        email,
        userId: null,
        securityVersion: null,
        payload: prepared,
      })
    },

    /**
     * Makes what {@link later} kept, for whoever has the link and the password: a link alone may have been asked for by somebody
     * who wants an account in another person's name.
     *
     * @throws IdentSphereError `reauthentication_required` without a password, `invalid_credentials`, `conflict`, `forbidden`
     * where registration was closed meanwhile
     */
    async complete(
      challenge: ProvenChallenge,
      password: string | undefined,
      context: RequestContext,
    ): Promise<Entered> {
      const prepared = challenge.payload as PreparedRegistration | null
      if (prepared === null) throw new IdentSphereError('invalid_credentials')
      assertOpen()
      if (password === undefined) throw new IdentSphereError('reauthentication_required')
      await passwords.assertMatches({ id: challenge.id, ...prepared }, password, context)
      return store.transaction(async (tx) => {
        await challenges.consume(tx, challenge)
        return create(tx, prepared, true, context)
      })
    },
  }
}

/** A registration that has been checked, without the password in the clear. */
interface PreparedRegistration extends Omit<Registration, 'password'> {
  passwordHash: string
}

export type Registrations = ReturnType<typeof createRegistration>
