import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigurationError } from '../../lib/core/config/configuration-error.js'
import { createResourceServer } from '../../lib/resource/index.js'
import { loadResourceConfig } from '../../lib/resource/options.js'

const issuer = 'https://id.example.com'
const load = (more: object = {}, environment: NodeJS.ProcessEnv = {}) =>
  loadResourceConfig({ issuer, ...more }, environment)

function refuses(options: unknown, setting: string, text: RegExp, environment: NodeJS.ProcessEnv = {}) {
  assert.throws(
    () => loadResourceConfig(options as never, environment),
    (error) => {
      assert.ok(error instanceof ConfigurationError, String(error))
      assert.equal(error.setting, setting)
      assert.match(error.message, text)
      return true
    },
  )
}

test('needs no option but the issuer', () => {
  const { logger, ...config } = load()
  assert.deepEqual(config, {
    issuer,
    audience: issuer,
    jwksUri: new URL(`${issuer}/.well-known/jwks.json`),
    resource: null,
  })
  assert.ok(createResourceServer({ issuer }))
})

test("finds the keys below the issuer's path and keeps the issuer as written", () => {
  for (const given of [`${issuer}/identity`, `${issuer}/identity/`]) {
    const config = load({ issuer: given })
    assert.equal(config.issuer, given)
    assert.equal(config.jwksUri.href, `${issuer}/identity/.well-known/jwks.json`)
  }
})

test('rejects a missing or invalid issuer', () => {
  refuses({}, 'issuer', /is missing.*https:\/\/app\.example\.com/)
  refuses({ issuer: '' }, 'issuer', /is not a URL/)
  refuses({ issuer: 1 }, 'issuer', /is not valid/)
})

test('rejects an unknown option', () => {
  refuses({ issuer, jwksUrl: 'https://x.example' }, 'jwksUrl', /is not an option/)
  refuses({ issuer, logger: {} }, 'logger', /must have the functions/)
  refuses({ issuer, audience: ['a'] }, 'audience', /is not valid/)
})

test('accepts http for loopback in development only', () => {
  const http = 'http://localhost:3000'
  for (const name of ['issuer', 'jwksUri', 'resource']) {
    for (const environment of [{}, { NODE_ENV: 'production' }, { NODE_ENV: 'Development' }, { NODE_ENV: '' }]) {
      refuses({ issuer, [name]: http }, name, /is http:\/\/localhost:3000, which is not https/, environment)
    }
    refuses({ issuer, [name]: http, development: false }, name, /not https/, { NODE_ENV: 'test' })
    for (const remote of [
      'http://id.example.com',
      'http://10.0.0.1',
      'http://localhost.example.com',
      'ftp://localhost',
    ]) {
      refuses({ issuer, [name]: remote, development: true }, name, /not https/)
    }
    for (const NODE_ENV of ['development', 'test']) load({ [name]: http }, { NODE_ENV })
    for (const local of [http, 'http://127.0.0.1:1', 'http://[::1]:1']) load({ [name]: local, development: true })
  }
})

test('rejects URLs with user or fragment, and identifiers with a query', () => {
  for (const name of ['issuer', 'jwksUri', 'resource']) {
    for (const given of [
      'https://ada:pw@id.example.com',
      'https://ada@id.example.com',
      `${issuer}/#`,
      `${issuer}/#a`,
    ]) {
      refuses({ issuer, [name]: given }, name, /a user, a password or a fragment/)
    }
  }
  for (const name of ['issuer', 'resource']) {
    for (const given of [`${issuer}/?a=b`, `${issuer}/?`]) refuses({ issuer, [name]: given }, name, /has a query/)
  }
  assert.equal(load({ jwksUri: `${issuer}/keys?set=1` }).jwksUri.search, '?set=1')
})

test('accepts a key set at a private address', () => {
  for (const host of ['10.1.2.3', '192.168.0.1', 'keys.internal', '[fd00::1]']) {
    assert.equal(load({ jwksUri: `https://${host}/` }).jwksUri.host, host)
  }
})
