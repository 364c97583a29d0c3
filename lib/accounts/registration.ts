import type { Config } from '../config/config.js'
import { uuidv7 } from '../crypto/random.js'
import type { RequestContext } from '../http/context.js'
import { IdentSphereError } from '../http/errors.js'
import type { Journal } from '../journal/journal.js'
import { longestOrganizationName, type Organizations } from '../organizations/service.js'
import type { Passwords } from '../passwords/service.js'
import type { Entered, SignIn } from '../sign-in/service.js'
import type { Store, Tx } from '../store/store.js'
import type { Accounts } from './service.js'

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
  config: Pick<Config, 'registration' | 'hooks'>
}) {
  const { store, journal, accounts, passwords, organizations, signIn, config } = options

  function hostFields(value: unknown): Readonly<Record<string, unknown>> {
    const schema = config.registration.fields
    if (schema === null) return {}
    const parsed = schema.safeParse(value ?? {})
    if (parsed.success) return parsed.data as Record<string, unknown>
    throw new IdentSphereError('invalid_input', {
      details: parsed.error.issues.map((issue) => ({
        path: ['fields', ...issue.path].join('.'),
        message: issue.message,
      })),
    })
  }

  async function createOrganization(tx: Tx, ownerId: string, input: Registration): Promise<string | null> {
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

  /**
   * Makes user, organisation, owner membership, session and audit row in one transaction.
   *
   * @throws IdentSphereError `forbidden` where registration is not open, `invalid_input`, `conflict`, or what the host's
   * `beforeRegister` throws
   */
  async function register(input: Registration, context: RequestContext): Promise<Entered> {
    if (config.registration.mode !== 'open') {
      throw new IdentSphereError('forbidden', { message: 'Registration is not open.' })
    }
    const fields = hostFields(input.fields)
    const displayName = input.display_name || null
    const passwordHash = await passwords.hashNew(
      input.password,
      {
        email: input.email,
        displayName,
        ...(input.organization_name === undefined ? {} : { organizationName: input.organization_name }),
      },
      context,
    )
    return store.transaction(async (tx) => {
      const organizationFor = (userId: string) => createOrganization(tx, userId, input)
      const admitted = await admit(
        tx,
        { email: input.email, displayName, passwordHash, fields, organizationFor },
        context,
      )
      return signIn.enter(tx, {
        ...admitted,
        securityVersion: 1,
        authMethod: 'password',
        amr: ['pwd'],
        context,
      })
    })
  }

  return { register, admit }
}

export type Registrations = ReturnType<typeof createRegistration>
