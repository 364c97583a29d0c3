import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { assemble, loadSettings } from '../../lib/core/assemble.js'
import type { IdentSphereError } from '../../lib/core/errors.js'
import { type AnyFeature, defineFeature } from '../../lib/core/feature.js'
import type { Identity } from '../../lib/core/http/identity.js'
import { defineActions } from '../../lib/core/journal/actions.js'
import { users } from '../../lib/features/users/feature.js'
import { securityChanged } from '../../lib/features/users/security-change.js'
import { features } from '../../lib/features.js'
import { testClock } from '../support/clock.js'

const environment = { NODE_ENV: 'test', IDENTSPHERE_JWT_SECRET: 'an-example-secret-of-enough-length' }
const options = { database: 'postgres://127.0.0.1:1/unused' }

function assembled(list: readonly AnyFeature[]) {
  return assemble(list, loadSettings(list, options, environment), testClock())
}

/** A feature without content. */
const empty = (more: Partial<AnyFeature> = {}) =>
  defineFeature<null>({ name: 'empty', open: () => ({ service: null }), ...more })

describe('the assembly', () => {
  it('accepts an empty feature in one line', async () => {
    const assembly = assembled([...features, empty()])
    assert.deepEqual(assembly.routesOf('empty'), [])
    assert.equal('empty' in assembly.routers, false)
    await assembly.close()
  })

  it('names the feature and the list if a feature precedes what it needs', () => {
    const reversed = features.toReversed()
    assert.throws(() => assembled(reversed), { message: /^\w+ needs \w+: list it earlier in lib\/features\.ts$/ })
  })

  it('rejects two features with the same name, table, cookie or action', () => {
    const cases: Array<[Partial<AnyFeature>, RegExp]> = [
      [{ name: 'users' }, /two features declare the name users/],
      [{ tables: ['users'] }, /two features declare the table users/],
      [{ cookies: { at: { httpOnly: true, path: '/' } } }, /two features declare the cookie at/],
      [{ actions: defineActions({ 'users.updated': {} }) }, /two features declare the action users\.updated/],
    ]
    for (const [more, message] of cases) assert.throws(() => assembled([...features, empty(more)]), { message })
  })

  it('requires exactly one feature that establishes identities', () => {
    const identity: Identity = {
      authenticate: async () => null,
      identify: async () => null,
      assertRequirements: async () => {},
      remember: () => {},
      recall: () => undefined,
    }
    const second = empty({ open: () => ({ service: null, identity }) })
    assert.throws(() => assembled([...features, second]), { message: /exactly one feature must provide `identity`/ })
    assert.throws(() => assembled([empty()]), { message: /exactly one feature must provide `identity`/ })
  })

  it('rejects contributions that are read while features are being opened', () => {
    const early = empty({
      open({ contributions }) {
        contributions(securityChanged)
        return { service: null }
      },
    })
    assert.throws(() => assembled([...features, early]), { message: /users\.securityChanged is read before/ })
  })

  it('rejects a key purpose and a cookie that no feature declared', async () => {
    const { foundation, close } = assembled(features)
    assert.throws(() => foundation.keys.current('undeclared'), { message: /no feature declared the key purpose/ })
    assert.throws(() => foundation.cookies.read('a=b', 'undeclared'), { message: /no feature declared the cookie/ })
    await close()
  })

  it('returns the service of a listed feature only', async () => {
    const assembly = assembled(features)
    assert.equal(typeof (assembly.serviceOf(users) as { exists: unknown }).exists, 'function')
    assert.throws(() => assembly.serviceOf(empty()), { message: /empty is not in lib\/features\.ts/ })
    await assembly.close()
  })

  it('adds the errors of checks to those of a route', async () => {
    const { routes, close } = assembled(features)
    const erase = routes.find(({ method, path }) => `${method} ${path}` === 'DELETE /v1/users/me')
    const codes: Array<IdentSphereError['code']> = [
      'conflict',
      'forbidden',
      'mfa_required',
      'reauthentication_required',
    ]
    assert.deepEqual([...(erase?.errors ?? [])].sort(), codes)
    await close()
  })
})
