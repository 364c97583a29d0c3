import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import type { Route } from '../../../../lib/core/http/route.js'
import { startApp, type TestApp } from '../../../support/app.js'
import type { Answer, Client, SendOptions } from '../../../support/client.js'
import { callsOf } from '../../../support/every-route.js'
import { newPerson } from '../../../support/people.js'
import { isPage, nameOf, routesOf } from '../../../support/routes.js'

/** Requests per route. The seed is printed on failure; `FUZZ_RUNS` sets more. */
const numRuns = Number(process.env.FUZZ_RUNS ?? 60)

let app: TestApp
before(async () => {
  app = await startApp()
})
after(() => app.close())

const markup = '<script>alert(1)</script>'
const nasty = fc.constantFrom(
  markup,
  '\u0000',
  '\ud800',
  '__proto__',
  'constructor',
  "' OR 1=1 --",
  '#{7*7}',
  '../../etc/passwd',
  '%00',
  '\r\nx: y',
  'j:{"a":1}',
  's:x.y',
  '1e400',
  'a'.repeat(5_000),
)
const text = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), nasty)
const json = fc.oneof(
  fc.json(),
  fc.jsonValue().map((value) => JSON.stringify(value)),
  text,
)

/** Text that HTTP permits in a header, in Latin-1. */
const headerText = text.map((value) => value.replace(/[^\t\x20-\x7e\x80-\xff]/g, '?').slice(0, 3_000))

/** Text that Node's client permits in a request target. The rest is percent-encoded or kept as permitted. */
const target = fc.oneof(
  text.map((value) => encodeURIComponent(value.toWellFormed())),
  fc.stringMatching(/^[!-~]{0,40}$/).map((value) => value.replace(/[#?/\\]/g, '%')),
  fc.constantFrom('%', '%E0%A4%A', '%ff', '..', '.', '%2e%2e', ';x=1'),
)

const headers = fc.dictionary(
  fc.constantFrom(
    'authorization',
    'cookie',
    'content-type',
    'content-encoding',
    'origin',
    'referer',
    'host',
    'accept',
    'user-agent',
    'x-identsphere-csrf',
    'x-csrf-token',
    'x-identsphere-organization',
    'x-forwarded-for',
    'x-forwarded-host',
    'x-forwarded-proto',
    'forwarded',
    'sec-fetch-site',
    'x-request-id',
    'if-none-match',
    'range',
  ),
  fc.oneof(
    headerText,
    headerText.map((value) => `Bearer ${value}`),
    headerText.map((value) => `identsphere_at=${value}`),
  ),
  { maxKeys: 3 },
)

/** The body of a successful call with one field added or changed, or any other text. */
function bodies(good: unknown): fc.Arbitrary<string> {
  if (typeof good !== 'object' || good === null) return json
  const fields = Object.keys(good)
  const field = fields.length === 0 ? text : fc.oneof(fc.constantFrom(...fields), text)
  const changed = fc
    .tuple(field, fc.oneof(fc.jsonValue(), text))
    .map(([name, value]) => JSON.stringify(Object.fromEntries([...Object.entries(good), [name, value]])))
  return fc.oneof({ weight: 3, arbitrary: changed }, { weight: 2, arbitrary: json })
}

function assertCivil(route: Route, sent: object, answer: Answer): void {
  const name = nameOf(route)
  const label = `${name} ${JSON.stringify(sent)} → ${answer.status} ${answer.text}`
  assert.ok(answer.status >= 200 && answer.status < 500, label)
  assert.doesNotMatch(answer.text, /node_modules|\n\s+at |\.[jt]s:\d+|SELECT |"stack"/, label)
  if (answer.status === 200 && hasMarkup(route)) assert.ok(!reflects(answer.text, sent), label)
  else if (answer.text !== '') {
    assert.equal(answer.headers['content-type'], 'application/json; charset=utf-8', label)
    assert.equal(answer.headers['x-content-type-options'], 'nosniff', label)
  }
  for (const [header, value] of Object.entries(answer.headers))
    assert.ok(!String(value).includes('<'), `${header} ${label}`)
  const location = answer.headers.location
  if (location !== undefined) assert.equal(new URL(location).origin, app.origin, label)
}

const hasMarkup = (route: Route) => isPage(route) || route.path === '/v1/dev/mailbox'

/** Whether a page contains anything of the request. */
function reflects(text: string, sent: object): boolean {
  const { search, headers } = sent as { search: string; headers: Record<string, string> }
  const parts = [search.slice(1), decodeSafely(search.slice(1)), ...Object.values(headers)]
  return parts.some((part) => part.length > 12 && text.includes(part))
}

function decodeSafely(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

async function fuzz(route: Route, client: () => Promise<Client>, good: SendOptions): Promise<void> {
  const browser = await client()
  const unsafe = route.method !== 'GET'
  const property = fc.asyncProperty(
    fc.record({
      params: fc.array(target, { minLength: 2, maxLength: 2 }),
      query: fc.option(fc.array(fc.tuple(fc.oneof(fc.constant('return_to'), target), target), { maxLength: 3 })),
      headers: fc.option(headers, { nil: {} }),
      body: fc.option(bodies(good.body ?? { refresh_token: 'x' })),
    }),
    async ({ params, query, headers, body }) => {
      let index = 0
      const path = route.path.replace(/:\w+/g, () => params[index++ % 2] || 'x')
      const search = query === null ? '' : `?${query.map((pair) => pair.join('=')).join('&')}`
      const answer = await browser.send(route.method, `${path}${search}`, {
        headers,
        ...(unsafe && body !== null ? { raw: body } : {}),
      })
      if (answer.status === 404 && answer.body === undefined) return // dots, slashes and similar characters made it another path
      assertCivil(route, { path, search, headers, body }, answer)
    },
  )
  await fc.assert(property, { numRuns, endOnFailure: true, markInterruptAsFailure: true })
}

test('answers anonymous clients without 5xx, stack traces or markup, on every route', async () => {
  for (const route of routesOf(app)) {
    const [call] = await callsOf(route, app)
    await fuzz(route, async () => app.client(), call.options)
  }
})

test('answers signed-in clients without 5xx, stack traces or markup, on every route', async () => {
  for (const route of routesOf(app)) {
    const [call] = await callsOf(route, app)
    await fuzz(route, async () => (await newPerson(app)).client, call.options)
  }
})

test('logs no error and changes no prototype during these requests', () => {
  assert.deepEqual(
    app.log.lines.filter((line) => line.startsWith('error')),
    [],
  )
  assert.deepEqual(Object.keys(Object.prototype), [])
})
