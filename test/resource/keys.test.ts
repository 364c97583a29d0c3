import assert from 'node:assert/strict'
import { generateKeyPairSync, type JsonWebKey, sign } from 'node:crypto'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { createServer } from 'node:net'
import { afterEach, beforeEach, describe, test } from 'node:test'
import jsonwebtoken from 'jsonwebtoken'
import { IdentSphereError } from '../../lib/core/errors.js'
import { createAccessTokens } from '../../lib/features/tokens/access-tokens.js'
import { loadSigningKeys, type SigningKeys } from '../../lib/features/tokens/signing-keys.js'
import { buildResourceServer } from '../../lib/resource/resource-server.js'
import { type TestClock, testClock } from '../support/clock.js'
import { newPair } from '../support/forgeries.js'
import { type KeyServer, startKeyServer } from '../support/key-server.js'
import { createLogRecorder, type LogRecorder } from '../support/log.js'

const issuer = 'https://id.example.com'
const claims = { sub: 'user-1', sid: 'session-1', epoch: 0, auth_time: 1, amr: ['pwd'], email: 'ada@example.com' }
const [first, second] = [ring('first'), ring('second')]

let clock: TestClock
let log: LogRecorder
let keyServer: KeyServer
let authenticate: (token: string) => Promise<string | null>
beforeEach(async () => {
  clock = testClock()
  log = createLogRecorder()
  keyServer = await startKeyServer()
  keyServer.serve(first.publicJwks)
  authenticate = service(keyServer.url)
})
afterEach(() => keyServer.close())

function ring(kid: string): SigningKeys {
  const { privateKey } = newPair()
  return loadSigningKeys({ signingKeys: [{ privateKey, kid }], jwtSecret: undefined, allowHs256: false })
}

function service(jwksUri: string): (token: string) => Promise<string | null> {
  const identsphere = buildResourceServer(
    { issuer, jwksUri, logger: log, development: true },
    { environment: {}, clock },
  )
  return async (token) => {
    const auth = await identsphere.authenticate(new Headers({ authorization: `Bearer ${token}` }))
    return auth?.userId ?? null
  }
}

/** A token issued now that expires after two days. */
function token(keys: SigningKeys, kid = keys.active.kid): string {
  const renamed = { ...keys, active: { ...keys.active, kid } }
  return createAccessTokens({ keys: renamed, issuer, audience: issuer, clock }).sign(claims, 200_000)
}

function published(...rings: SigningKeys[]): { keys: JsonWebKey[] } {
  return { keys: rings.flatMap(({ publicJwks }) => publicJwks.keys.map((key) => ({ ...key }))) }
}

/** Asserts a rejection with 503. Returns the seconds to wait. */
async function unavailable(answer: Promise<unknown>): Promise<number> {
  const error = await answer.then(
    (value) => assert.fail(`it answered ${value}`),
    (thrown) => thrown,
  )
  assert.ok(error instanceof IdentSphereError, String(error))
  assert.equal(error.code, 'service_unavailable')
  return error.retryAfterSeconds ?? 0
}

describe('the fetching of a key set', () => {
  test('happens at the first token, and once for all', async () => {
    assert.equal(keyServer.requests, 0)
    const tokens = Array.from({ length: 50 }, () => token(first))
    assert.deepEqual(new Set(await Promise.all(tokens.map(authenticate))), new Set(['user-1']))
    assert.deepEqual(await authenticate(token(first)), 'user-1')
    assert.equal(keyServer.requests, 1)
  })

  test('does not happen for malformed tokens', async () => {
    for (const text of ['', 'x', 'a.b.c', `${'A'.repeat(40)}.${'A'.repeat(40)}.A`]) {
      assert.equal(await authenticate(text), null)
    }
    assert.equal(keyServer.requests, 0)
  })

  test('happens at most once in 30 seconds for 200 unknown kids', async () => {
    assert.equal(await authenticate(token(first)), 'user-1')
    clock.advance(31)
    const flood = () =>
      Promise.all(Array.from({ length: 200 }, (_, index) => authenticate(token(second, `no-${index}`))))
    for (const expected of [2, 2, 2]) {
      assert.deepEqual(new Set(await flood()), new Set([null]))
      assert.equal(await authenticate(token(first)), 'user-1')
      assert.equal(keyServer.requests, expected)
      clock.advance(9)
    }
    clock.advance(3)
    await flood()
    assert.equal(keyServer.requests, 3)
  })

  test('happens once for 200 unknown kids before the first fetch', async () => {
    const tokens = Array.from({ length: 200 }, (_, index) => token(second, `no-${index}`))
    assert.deepEqual(new Set(await Promise.all(tokens.map(authenticate))), new Set([null]))
    assert.equal(keyServer.requests, 1)
  })

  test('is shared while it is pending', async () => {
    const held: ServerResponse[] = []
    const arrived = new Promise<void>((resolve) => {
      keyServer.answer((_request, response) => {
        held.push(response)
        resolve()
      })
    })
    const early = authenticate(token(first))
    await arrived
    clock.advance(60)
    const late = authenticate(token(first))
    const body = JSON.stringify(first.publicJwks)
    for (const response of held) response.writeHead(200, { 'content-type': 'application/json' }).end(body)
    assert.deepEqual(await Promise.all([early, late]), ['user-1', 'user-1'])
    assert.equal(keyServer.requests, 1)
  })

  test('does not delay known kids if unknown ones have triggered it', async () => {
    assert.equal(await authenticate(token(first)), 'user-1')
    clock.advance(570)
    assert.equal(await authenticate(token(second, 'no-1')), null)
    clock.advance(60)
    assert.equal(await authenticate(token(first)), 'user-1')
    assert.equal(keyServer.requests, 2, 'a fetch that an unknown kid triggered counts as fresh')
  })
})

describe('a key rotation', () => {
  test('fetches a new kid at its first token', async () => {
    assert.equal(await authenticate(token(first)), 'user-1')
    clock.advance(31)
    keyServer.serve(published(second, first))
    assert.equal(await authenticate(token(second)), 'user-1')
    assert.equal(await authenticate(token(first)), 'user-1')
    assert.equal(keyServer.requests, 2)
  })

  test('ends removed keys after 10 minutes, for remembered tokens too', async () => {
    const remembered = token(first)
    assert.equal(await authenticate(remembered), 'user-1')
    keyServer.serve(published(second))
    clock.advance(599)
    assert.equal(await authenticate(remembered), 'user-1')
    clock.advance(1)
    assert.equal(await authenticate(remembered), null)
    assert.equal(await authenticate(token(first)), null)
    assert.equal(await authenticate(token(second)), 'user-1')
    assert.equal(keyServer.requests, 2)
  })

  test('verifies again if another key has taken the kid', async () => {
    const remembered = token(first)
    assert.equal(await authenticate(remembered), 'user-1')
    const [jwk] = second.publicJwks.keys
    keyServer.serve({ keys: [{ ...jwk, kid: 'first' }] })
    clock.advance(600)
    assert.equal(await authenticate(remembered), null)
  })

  test('accepts an empty set, so that nothing verifies', async () => {
    assert.equal(await authenticate(token(first)), 'user-1')
    keyServer.serve({ keys: [] })
    clock.advance(600)
    assert.equal(await authenticate(token(first)), null)
    assert.match(log.lines.join('\n'), /has no RS256 key/)
  })

  test('treats the set as old if the clock is set back', async () => {
    clock.advance(3600)
    assert.equal(await authenticate(token(first)), 'user-1')
    keyServer.serve(published(second))
    clock.reset()
    assert.equal(await authenticate(token(first)), null)
    assert.equal(keyServer.requests, 2)
  })
})

describe('an unreachable key server', () => {
  const fail = () => keyServer.answer((request) => request.socket.destroy())

  test('leaves known keys valid for a day only', async () => {
    assert.equal(await authenticate(token(first)), 'user-1')
    fail()
    for (const [seconds, requests] of [
      [599, 1],
      [1, 2],
      [29, 2],
      [1, 3],
      [85_000, 4],
    ] as const) {
      clock.advance(seconds)
      assert.equal(await authenticate(token(first)), 'user-1')
      assert.equal(keyServer.requests, requests)
    }
    clock.advance(1370)
    await unavailable(authenticate(token(first)))
  })

  test('answers 503 for an unknown kid, with one fetch in 30 seconds', async () => {
    assert.equal(await authenticate(token(first)), 'user-1')
    fail()
    clock.advance(31)
    const tokens = Array.from({ length: 20 }, (_, index) => token(second, `no-${index}`))
    for (const one of tokens) assert.equal(await unavailable(authenticate(one)), 30)
    clock.advance(29)
    assert.equal(await unavailable(authenticate(token(second))), 1)
    assert.equal(keyServer.requests, 2)
    keyServer.serve(published(first, second))
    clock.advance(1)
    assert.equal(await authenticate(token(second)), 'user-1')
    assert.equal(await authenticate(token(second, 'no-21')), null, 'the kid is known to be unknown now')
  })

  test('answers 503 without any keys and retries after 5 seconds', async () => {
    fail()
    const tokens = Array.from({ length: 20 }, () => token(first))
    for (const wait of await Promise.all(tokens.map((one) => unavailable(authenticate(one))))) assert.equal(wait, 5)
    keyServer.serve(first.publicJwks)
    clock.advance(4)
    await unavailable(authenticate(token(first)))
    assert.equal(keyServer.requests, 1)
    clock.advance(1)
    assert.equal(await authenticate(token(first)), 'user-1')
  })

  test('still permits the refusal of malformed tokens', async () => {
    fail()
    assert.equal(await authenticate('a.b.c'), null)
  })
})

describe('a faulty key server', () => {
  const json = { 'content-type': 'application/json' }
  const good = JSON.stringify(first.publicJwks)
  const misbehaviours: Record<string, (response: ServerResponse) => void> = {
    'a status other than 200': (response) => response.writeHead(500, json).end(good),
    'a 204': (response) => response.writeHead(204).end(),
    'a page of HTML': (response) => response.writeHead(200, { 'content-type': 'text/html' }).end(good),
    'no media type': (response) => response.writeHead(200).end(good),
    'invalid JSON': (response) => response.writeHead(200, json).end(good.slice(1)),
    'a truncated body': (response) => response.writeHead(200, { ...json, 'content-length': '9999' }).end(good),
    'JSON of another shape': (response) => response.writeHead(200, json).end('{"keys":{}}'),
    'keys that are not objects': (response) => response.writeHead(200, json).end('{"keys":[null]}'),
    null: (response) => response.writeHead(200, json).end('null'),
    '51 keys': (response) => response.writeHead(200, json).end(JSON.stringify({ keys: Array(51).fill({}) })),
  }
  for (const [name, misbehave] of Object.entries(misbehaviours)) {
    test(`counts as unreachable after ${name}`, async () => {
      keyServer.answer((_request, response) => misbehave(response))
      await unavailable(authenticate(token(first)))
      assert.match(log.lines[0] ?? '', /^warn the key set cannot be fetched/)
    })
  }

  test('may use both media types of a key set, with parameters', async () => {
    for (const type of ['application/jwk-set+json', 'Application/JSON; charset=utf-8']) {
      keyServer.serve(first.publicJwks, { 'content-type': type })
      assert.equal(await service(keyServer.url)(token(first)), 'user-1', type)
    }
  })

  for (const status of [301, 302, 303, 307, 308]) {
    test(`is not followed through a redirect (${status}), even to valid keys`, async () => {
      const elsewhere = await startKeyServer()
      elsewhere.serve(first.publicJwks)
      keyServer.answer((_request, response) =>
        response.writeHead(status, { location: elsewhere.url, ...json }).end(good),
      )
      await unavailable(authenticate(token(first)))
      assert.equal(elsewhere.requests, 0)
      await elsewhere.close()
    })
  }

  test('is read up to the size limit of a key set only', async () => {
    let sent = 0
    const closed = new Promise<void>((resolve) => {
      keyServer.answer((_request, response) => {
        response.writeHead(200, json)
        const chunk = Buffer.alloc(64 * 1024, ' ')
        const more = () => {
          while (sent < 10_000_000) {
            sent += chunk.length
            if (!response.write(chunk)) return
          }
          response.end(good)
        }
        response.on('drain', more).on('close', resolve)
        more()
      })
    })
    await unavailable(authenticate(token(first)))
    await closed
    assert.ok(sent < 10_000_000, `${sent} bytes were sent`)
    assert.match(log.lines[0] ?? '', /more than 262144 bytes/)
  })

  test('is given up after 3 seconds if slow or silent', async () => {
    const silent = createServer(() => {}).listen(0, 'localhost')
    await once(silent, 'listening')
    const timers: NodeJS.Timeout[] = []
    keyServer.answer((_request, response) => {
      response.writeHead(200, json)
      let index = 0
      timers.push(setInterval(() => response.write(good[index++] ?? ' '), 100))
    })
    const began = performance.now()
    const { port } = silent.address() as { port: number }
    await Promise.all([
      unavailable(authenticate(token(first))),
      unavailable(service(`http://localhost:${port}/`)(token(first))),
    ])
    const took = performance.now() - began
    assert.ok(took > 2_900 && took < 6_000, `${took} ms`)
    for (const timer of timers) clearInterval(timer)
    silent.close()
  })
})

describe('a key in a fetched set', () => {
  const [jwk = {}] = first.publicJwks.keys
  const named = (more: object) => ({ keys: [{ ...jwk, ...more }] })
  const unfit: Record<string, { keys: JsonWebKey[] }> = {
    'a key for encryption': named({ use: 'enc' }),
    'a key with an unknown use': named({ use: 'other' }),
    'a key for other operations': named({ use: undefined, key_ops: ['encrypt'] }),
    RS384: named({ alg: 'RS384' }),
    RS512: named({ alg: 'RS512' }),
    PS256: named({ alg: 'PS256' }),
    'RSA-OAEP': named({ alg: 'RSA-OAEP', use: undefined }),
    HS256: named({ alg: 'HS256' }),
    none: named({ alg: 'none' }),
    'an alg that is not text': named({ alg: 256 }),
    'a shared key': {
      keys: [{ kty: 'oct', k: Buffer.alloc(32, 7).toString('base64url'), kid: 'first', alg: 'RS256' }],
    },
    'another kid': named({ kid: 'FIRST' }),
    'no kid': named({ kid: undefined }),
    'an empty kid': named({ kid: '' }),
    'a kid that is not text': named({ kid: ['first'] }),
    'the same kid twice': { keys: [jwk, { ...second.publicJwks.keys[0], kid: 'first' }] },
    'the same kid twice, ours last': { keys: [{ ...second.publicJwks.keys[0], kid: 'first' }, jwk] },
    'a curve': {
      keys: [
        { ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' }), kid: 'first' },
      ],
    },
  }
  for (const [name, set] of Object.entries(unfit)) {
    test(`does not verify with ${name}`, async () => {
      keyServer.serve(set)
      assert.equal(await authenticate(token(first)), null)
      assert.equal(keyServer.requests, 1)
    })
  }

  for (const [name, modulusLength, publicExponent] of [
    ['1024 bits', 1024, 65537],
    ['the exponent 3', 2048, 3],
  ] as const) {
    test(`is refused with ${name}, even if the signature is valid`, async () => {
      const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength, publicExponent })
      keyServer.serve({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'first', alg: 'RS256', use: 'sig' }] })
      const [header, payload] = token(first).split('.')
      const signature = sign('sha256', Buffer.from(`${header}.${payload}`), privateKey).toString('base64url')
      assert.equal(await authenticate(`${header}.${payload}.${signature}`), null)
    })
  }

  for (const alg of ['RS384', 'RS512', 'PS256'] as const) {
    test(`is refused for ${alg} in set and token, despite a valid signature`, async () => {
      keyServer.serve(named({ alg }))
      const text = Buffer.from(token(first).split('.')[1] ?? '', 'base64url').toString()
      const options = { algorithm: alg, header: { alg, typ: 'at+jwt', kid: 'first' } }
      assert.equal(await authenticate(jsonwebtoken.sign(text, first.active.signingKey, options)), null)
    })
  }

  test('works beside unusable keys', async () => {
    keyServer.serve({ keys: [{ kty: 'RSA' }, { ...jwk, kid: 'x', n: '!' }, {}, { kty: 'oct', k: 'AA' }, jwk] })
    assert.equal(await authenticate(token(first)), 'user-1')
  })

  test('works without the optional use and alg', async () => {
    keyServer.serve(named({ use: undefined, alg: undefined }))
    assert.equal(await authenticate(token(first)), 'user-1')
  })
})
