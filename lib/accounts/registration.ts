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

  /**
   * Makes user, organisation, owner membership, session and audit row in one transaction.
   *
   * @throws IdentSphereError `forbidden` where registration is not open, `invalid_input`, `conflict`, or what the host's
   * `beforeRegister` throws
   */
  return async function register(input: Registration, context: RequestContext): Promise<Entered> {
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
    const userId = uuidv7()
    return store.transaction(async (tx) => {
      await accounts.insert(tx, { id: userId, email: input.email, displayName, passwordHash })
      const organizationId = await createOrganization(tx, userId, input)
      await config.hooks.beforeRegister?.(tx.trx, { userId, email: input.email, displayName, organizationId, fields })
      await journal.record(tx, 'auth.register', {
        actorId: userId,
        organizationId,
        resource: { type: 'user', id: userId },
        email: input.email,
        context,
      })
      return signIn.enter(tx, {
        userId,
        organizationId,
        securityVersion: 1,
        authMethod: 'password',
        amr: ['pwd'],
        context,
      })
    })
  }
}

export type Register = ReturnType<typeof createRegistration>
