import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import express from 'express'
import type { Knex } from 'knex'
import { z } from 'zod'
import type { IdentSphereError } from '../../../../lib/core/errors.js'
import type { Route } from '../../../../lib/core/http/route.js'
import { type FieldError, validate } from '../../../../lib/core/http/validate.js'
import { password, startApp, type TestApp } from '../../../support/app.js'
import { callsOf } from '../../../support/every-route.js'
import { needs } from '../../../support/host.js'
import { newPerson } from '../../../support/people.js'
import { nameOf, routesOf } from '../../../support/routes.js'
import { hashingOf, recordingKnex, type Statement } from '../../../support/work.js'

/** Fields that may hold any JSON object. */
const free = new Set(['PATCH /v1/users/me preferences'])

/** Values of wrong types for text fields. */
const notText: unknown[] = [
  {},
  { $ne: null },
  { toString: 'x' },
  { length: 12 },
  [],
  ['x'],
  [['x']],
  [{ email: 'x' }],
  true,
  7,
  -0.5,
  null,
]

const nested = (depth: number): unknown => (depth === 0 ? 'x' : { a: nested(depth - 1) })

/** Complete raw bodies. */
const hostile = {
  __proto__: '{"__proto__":{"admin":true},"email":"a@example.com"}',
  'a nested __proto__': '{"preferences":{"__proto__":{"x":1}}}',
  constructor: '{"constructor":{"prototype":{"admin":true}}}',
  prototype: '{"prototype":{}}',
  'NUL in a value': '{"email":"a\\u0000@example.com"}',
  'NUL in a key': '{"a\\u0000":1}',
  'a lone high surrogate': '{"email":"\\ud800"}',
  'a lone low surrogate': '{"bio":"\\udc00x"}',
  'a lone surrogate in a key': '{"\\ud800":1}',
  'deep nesting': JSON.stringify({ preferences: nested(50) }),
  'very deep nesting': `{"preferences":${'['.repeat(20_000)}${']'.repeat(20_000)}}`,
  'an array': '[]',
  'an array of bodies': '[{"email":"a@example.com"}]',
  text: '"x"',
  'a number': '1e400',
  null: 'null',
  true: 'true',
  'an opening brace only': '{',
  'two documents': '{}{}',
  'single quotes': "{'email':'a@example.com'}",
  'a trailing comma': '{"email":"a@example.com",}',
  NaN: '{"email":NaN}',
  XML: '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>',
}

/**
 * @see CVE-2026-30939, CVE-2026-32944 and CVE-2026-32248, Parse Server
 * @see CVE-2016-20018, Knex: an object in `where` changes the query
 */
describe('a request body', () => {
  let app: TestApp
  let node: TestApp
  let knex: Knex
  let statements: Statement[]
  let routes: readonly Route[]
  before(async () => {
    app = await startApp()
    const recording = recordingKnex(app.databaseUrl)
    knex = recording.knex
    statements = recording.statements
    node = await app.node({ database: knex })
    await node.identsphere.ready()
    routes = routesOf(app).filter((route) => route.input?.body !== undefined)
    assert.ok(routes.length > 0)
  })
  after(async () => {
    await app.close()
    await knex.destroy()
  })

  it('with a wrong type in a text field answers 400 before anything is written', async () => {
    for (const route of routes) {
      const name = nameOf(route)
      const [{ client, path, options }] = await callsOf(route, node)
      const body = { ...((options.body as Record<string, unknown> | undefined) ?? { refresh_token: 'x' }) }
      for (const [field, good] of Object.entries(body)) {
        if (free.has(`${name} ${field}`)) continue
        for (const value of notText) {
          if (typeof value === typeof good && value !== null) continue
          statements.length = 0
          const hashing = await hashingOf(async () => {
            const answer = await client.send(route.method, path, { ...options, body: { ...body, [field]: value } })
            assert.equal(answer.status, 400, `${name} ${field} ${JSON.stringify(value)} ${answer.text}`)
            assert.equal(answer.body.error.code, 'invalid_input')
            assert.equal(answer.body.error.details[0].path.split('.')[0], field)
          })
          assert.deepEqual(hashing, [], name)
          assert.deepEqual(
            statements.filter(({ text }) => /\b(insert\s+into|update\s+"|delete\s+from)/i.test(text)),
            [],
            name,
          )
        }
      }
    }
  })

  it('reaches statements as text, numbers, dates and bytes only', async () => {
    statements.length = 0
    for (const route of routesOf(app)) {
      for (const { client, path, options } of await callsOf(route, node)) {
        await client.send(route.method, path, options)
      }
    }
    assert.ok(statements.length > 100)
    const plain = (value: unknown): boolean =>
      value === null ||
      ['string', 'number', 'boolean'].includes(typeof value) ||
      value instanceof Date ||
      Buffer.isBuffer(value) ||
      (Array.isArray(value) &&
        value.every((item) => ['string', 'number'].includes(typeof item) || Buffer.isBuffer(item)))
    for (const { text, bindings } of statements) {
      for (const binding of bindings) assert.ok(plain(binding), `${text}: ${JSON.stringify(binding)}`)
    }
  })

  it('without required fields gets an error that names each of them', () => {
    let required = 0
    for (const route of routes) {
      const schema = route.input?.body as z.ZodObject
      const { shape } = schema
      const needed = Object.keys(shape).filter((field) => shape[field]?.safeParse(undefined).success === false)
      if (needed.length === 0) continue
      assert.throws(
        () => validate(schema, {}),
        (error: IdentSphereError) => {
          assert.deepEqual(
            error.details,
            needed.map((path) => ({ path, message: 'is required' })),
            nameOf(route),
          )
          assert.equal(error.message, `The request is not well formed: ${needed[0]} is required.`)
          return true
        },
      )
      required += needed.length
    }
    assert.ok(required > 20, `${required} fields`)
  })

  it('with invalid fields gets messages that follow the field names', () => {
    const schema = z.strictObject({
      email: z.string(),
      kind: z.enum(['a', 'b']),
      name: z.string().min(1).max(3),
      id: z.uuid(),
      list: z.array(z.string()),
    })
    const told = (body: object) => {
      const words: Record<string, string> = {}
      assert.throws(
        () => validate(schema, body),
        (error: IdentSphereError) => {
          for (const { path, message } of error.details as FieldError[]) words[path] = message
          return true
        },
      )
      return words
    }
    assert.deepEqual(told({ email: 7, kind: 'c', name: '', id: 'secret', list: ['x', null], more: 1 }), {
      email: 'must be of type string',
      kind: 'must be "a" or "b"',
      name: 'must not be empty',
      id: 'must be a UUID',
      'list.1': 'must be of type string',
      more: 'is not a known field',
    })
    assert.equal(told({ name: 'long' }).name, 'must be at most 3 characters long')
  })

  it('with prototype keys, malformed text or no JSON object answers 400', {
    skip: needs('an unread body'),
  }, async () => {
    for (const route of routes) {
      const name = nameOf(route)
      const { client } = await newPerson(app)
      for (const [what, raw] of Object.entries(hostile)) {
        const answer = await client.send(route.method, route.path, { raw })
        assert.equal(answer.status, 400, `${name} ${what} ${answer.text}`)
        assert.equal(answer.body.error.code, 'invalid_input', `${name} ${what}`)
        assert.doesNotMatch(answer.text, /ENTITY|SyntaxError|position \d/)
      }
    }
    assert.equal(({} as { admin?: boolean }).admin, undefined)
  })

  it('above 64 KiB answers 413, announced or chunked', {
    skip: needs('an unread body'),
  }, async () => {
    const { client } = await newPerson(app)
    const sized = (bytes: number) => `{"bio":"${'x'.repeat(bytes - '{"bio":""}'.length)}"}`
    assert.equal((await client.send('PATCH', '/v1/users/me', { raw: sized(64 * 1024) })).status, 400)
    for (const headers of [{}, { 'content-length': undefined, 'transfer-encoding': 'chunked' }]) {
      const answer = await client.send('PATCH', '/v1/users/me', { raw: sized(64 * 1024 + 1), headers })
      assert.equal(answer.status, 413, answer.text)
      assert.equal(answer.body.error.code, 'payload_too_large')
    }
  })

  it('of another media type or with compression answers 415', {
    skip: needs('an unread body'),
  }, async () => {
    for (const headers of [
      { 'content-type': undefined },
      { 'content-type': 'text/plain' },
      { 'content-type': 'application/x-www-form-urlencoded' },
      { 'content-type': 'multipart/form-data; boundary=x' },
      { 'content-type': 'application/jsonp' },
      { 'content-type': 'application/json-patch+json' },
      { 'content-type': 'text/json' },
      { 'content-type': 'application/x-www-form-urlencoded, application/json' },
      { 'content-type': 'application/json; charset=no-such-charset' },
      { 'content-encoding': 'gzip' },
      { 'content-encoding': 'br' },
      { 'content-encoding': 'x' },
    ]) {
      const answer = await app.client().post('/v1/auth/login', { email: 'a@example.com', password }, { headers })
      assert.equal(answer.status, 415, `${JSON.stringify(headers)} ${answer.text}`)
      assert.equal(answer.body.error.code, 'unsupported_media_type')
    }
    for (const type of [
      'application/json',
      'APPLICATION/JSON',
      'application/json; charset=utf-8',
      'application/json ;x=y',
    ]) {
      const options = { headers: { 'content-type': type } }
      const answer = await app.client().post('/v1/auth/login', { email: 'a@example.com', password }, options)
      assert.equal(answer.status, 401, `${type} ${answer.text}`)
    }
  })

  it('is ignored by routes that read none', async () => {
    const { client } = await newPerson(app)
    for (const path of ['/v1/auth/session', '/v1/users/me', '/v1/users/me/sessions', '/v1/health']) {
      assert.equal(
        (await client.send('GET', path, { raw: '{', headers: { 'content-type': 'text/plain' } })).status,
        200,
      )
    }
  })
})

describe('a query', () => {
  it('answers 400 for repeated keys and NUL, and ignores unknown keys', async () => {
    const app = await startApp()
    try {
      const client = app.client()
      for (const query of [
        'return_to=/a&return_to=/b',
        'return_to=/a&return_to=/a',
        'return_to=%00',
        `return_to=/${'x'.repeat(2_000)}`,
        '__proto__=x&__proto__=y',
      ]) {
        const answer = await client.get(`/v1/auth/resume?${query}`)
        assert.equal(answer.status, 400, query.slice(0, 60))
        assert.equal(answer.body.error.code, 'invalid_input')
      }
      for (const query of [
        '',
        '&&',
        '=',
        'return_to',
        'return_to[]=/a',
        'return_to[x]=/a',
        '__proto__=x',
        '%E0%A4%A',
        '%',
        'x=%ff',
      ]) {
        const answer = await client.get(`/v1/auth/resume?${query}`)
        assert.equal(answer.status, 303, query)
        assert.equal(new URL(answer.headers.location as string).origin, app.origin)
      }
    } finally {
      await app.close()
    }
  })
})

describe('a host with its own body parser', () => {
  const json = { email: 'reader@example.com', password, organization_name: 'Readers' }
  const hosts: Record<string, (host: express.Express) => void> = {
    'with express.json()': (host) => void host.use(express.json()),
    'with express.raw()': (host) => void host.use(express.raw({ type: () => true })),
    'with express.text()': (host) => void host.use(express.text({ type: () => true })),
    'with express.urlencoded()': (host) => void host.use(express.urlencoded({ extended: true })),
    'with a parser that leaves {} if it read nothing, as those for Express 4 do': (host) => {
      host.use((request, _response, next) => {
        request.body = {}
        next()
      })
    },
    'with a parser after our router': () => {},
  }
  for (const [what, prepare] of Object.entries(hosts)) {
    // A body that is overwritten after it was read is lost for good.
    const skip = what.includes('leaves {}') && needs('an unread body')
    it(`neither breaks the routes nor bypasses their rules (${what})`, { skip }, async () => {
      const app = await startApp({ before: prepare, routes: (host) => void host.use(express.json()) })
      try {
        const client = app.client()
        const answer = await client.post('/v1/auth/register', json)
        assert.equal(answer.status, 201, answer.text)
        assert.equal((await client.patch('/v1/users/me', { bio: 'x' })).status, 200)
        assert.equal((await client.post('/v1/auth/refresh')).status, 200)
        for (const raw of [
          '[]',
          'null',
          '"x"',
          '7',
          '{"__proto__":{"x":1}}',
          JSON.stringify({ preferences: nested(50) }),
        ]) {
          const refused = await client.send('PATCH', '/v1/users/me', { raw })
          assert.equal(refused.status, 400, `${raw} ${refused.text}`)
        }
        const type = { 'content-type': 'application/x-www-form-urlencoded' }
        const form = await app
          .client()
          .send('POST', '/v1/auth/login', { raw: 'email[$ne]=x&password=x', headers: type })
        assert.equal(form.status, 415, form.text)
        assert.equal((await client.post('/v1/auth/logout')).status, 204)
      } finally {
        await app.close()
      }
    })
  }
})
