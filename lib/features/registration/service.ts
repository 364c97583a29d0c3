import type { RequestContext } from '../../core/context.js'
import { uuidv7 } from '../../core/crypto/random.js'
import { IdentSphereError } from '../../core/errors.js'
import { invalidInput, messageFor } from '../../core/http/validate.js'
import { factsOfUser } from '../../core/journal/facts.js'
import type { Journal } from '../../core/journal/journal.js'
import type { Links } from '../../core/mail/links.js'
import type { Outbox } from '../../core/mail/outbox.js'
import { mailRequest } from '../../core/mail/requests.js'
import type { Store, Tx } from '../../core/store/store.js'
import { mapped, type Query, sendTogether } from '../../core/store/together.js'
import type { ProvenChallenge } from '../email/challenges.js'
import type { Email } from '../email/feature.js'
import { longestOrganizationName, type Organizations } from '../organizations/service.js'
import type { Passwords } from '../passwords/service.js'
import type { SignIn, SignInResult } from '../sign-in/service.js'
import { emailTaken, type Users } from '../users/service.js'
import { actions } from './actions.js'
import type { RegistrationSettings } from './options.js'

/** A registration that was kept until its address is proven. */
export const keptRegistration = mailRequest<PreparedRegistration>('registration')

/** The body of a registration. */
export interface RegistrationBody {
  email: string
  password: string
  display_name?: string | undefined
  organization_name?: string | undefined
  organization_slug?: string | undefined
  fields?: unknown
}

/** A user who is to be created. */
export interface Admission {
  email: string
  displayName: string | null
  /** Null for a user without a password. */
  passwordHash: string | null
  /** The fields that the host's `beforeRegister` gets. */
  fields: Readonly<Record<string, unknown>>
  /** Makes the new user a member of an organisation, in the same transaction. @returns its id, null for none */
  organizationFor(userId: string): Promise<string | null>
  /** What is sent with the audit row, once the user and the organization exist. */
  others?(userId: string): readonly Query<unknown>[]
}

export function createRegistration(deps: {
  store: Store
  journal: Journal
  outbox: Outbox
  links: Links
  users: Users
  organizations: Organizations
  passwords: Passwords
  signIn: Pick<SignIn, 'completeFirstFactor'>
  email: Email
  settings: RegistrationSettings
}) {
  const { store, journal, outbox, links, users, organizations, passwords, signIn, settings } = deps
  const { verification, proofs } = deps.email
  const { challenges, mailLink } = proofs

  function hostFields(value: unknown): Readonly<Record<string, unknown>> {
    const schema = settings.fields
    if (schema === null) return {}
    const parsed = schema.safeParse(value ?? {}, { error: messageFor })
    if (parsed.success) return parsed.data as Record<string, unknown>
    throw invalidInput(
      parsed.error.issues.map(({ path, message }) => ({ path: ['fields', ...path].join('.'), message })),
    )
  }

  async function createOrganization(
    tx: Tx,
    ownerId: string,
    input: Omit<RegistrationBody, 'password'>,
  ): Promise<string | null> {
    const kind = settings.organization
    if (kind === 'none') return null
    const owner = input.display_name || input.email.slice(0, input.email.indexOf('@'))
    const personal = [...owner].slice(0, longestOrganizationName).join('').trim()
    const name = kind === 'personal' ? personal : (input.organization_name ?? personal)
    return organizations.create(tx, { name, slug: input.organization_slug ?? null, ownerId })
  }

  /** The account and all that belongs to it: organisation, the host's own rows and the audit row. */
  async function admit(
    tx: Tx,
    { email, displayName, passwordHash, fields, organizationFor, others }: Admission,
    context: RequestContext,
  ): Promise<{ userId: string; organizationId: string | null }> {
    const userId = uuidv7()
    await sendTogether(tx, {
      user: [users.inserting(tx, { id: userId, email, displayName, passwordHash })],
      // Until now there was nothing to guess: what strangers spent on the address must not lock its new account.
      failures: [passwords.forgettingFailures(tx, email)],
      journal: [journal.prepareNew(tx, userId)],
    })
    const organizationId = await organizationFor(userId)
    await settings.beforeRegister?.(tx.trx, { userId, email, displayName, organizationId, fields })
    const facts = factsOfUser(userId, context, { organizationId, email })
    await journal.record(tx, actions['auth.register'], facts, others?.(userId))
    return { userId, organizationId }
  }

  function assertOpen(): void {
    if (settings.mode === 'open') return
    throw new IdentSphereError('forbidden', { message: 'Registration is not open.' })
  }

  /** @throws IdentSphereError `forbidden`, `invalid_input` */
  async function prepare(input: RegistrationBody, context: RequestContext): Promise<PreparedRegistration> {
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

  /** Asked after the user exists: a change of the address at the same moment has by then committed its revert link. */
  function assertNotKept(tx: Tx, email: string): Query<void> {
    return mapped(challenges.isKeptForUndo(tx, email), (isKept) => {
      if (isKept) throw emailTaken()
    })
  }

  async function create(
    tx: Tx,
    prepared: PreparedRegistration,
    isVerified: boolean,
    context: RequestContext,
  ): Promise<SignInResult> {
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
        others: (userId) => (isVerified ? [] : [assertNotKept(tx, email), ...verification.requesting(tx, userId)]),
      },
      context,
    )
    if (isVerified) await users.markVerified(tx, userId, email)
    return signIn.completeFirstFactor(tx, {
      userId,
      organizationId,
      securityVersion: 1,
      authMethod: 'password',
      amr: ['pwd'],
      isNewUser: true,
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
    async now(input: RegistrationBody, context: RequestContext): Promise<SignInResult> {
      const prepared = await prepare(input, context)
      return store.transaction((tx) => create(tx, prepared, false, context))
    },

    /** With `verification: 'first'`: keeps the registration until the address is proven. The same for every address. */
    async later(input: RegistrationBody, context: RequestContext): Promise<void> {
      const prepared = await prepare(input, context)
      await store.transaction((tx) => outbox.request(tx, keptRegistration, prepared))
    },

    /** In the worker: a link to whoever has no account yet, a hint to whoever has one. */
    async answer(tx: Tx, prepared: PreparedRegistration): Promise<void> {
      const { email } = prepared
      if (!(await challenges.mayMail(tx, email))) return
      const known = await users.credentialsByEmail(tx, email)
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
    ): Promise<SignInResult> {
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
export interface PreparedRegistration extends Omit<RegistrationBody, 'password'> {
  passwordHash: string
}

export type Registration = ReturnType<typeof createRegistration>
