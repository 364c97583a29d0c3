/** The calls and things of all features, collected from `test/features/<feature>/calls.ts`. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Route } from '../../lib/core/http/route.js'
import type { TestApp } from './app.js'
import type { Call, Calls, FeatureCalls, Thing, Things } from './calls.js'
import { compiled } from './compiled.js'
import type { Person } from './people.js'
import { nameOf } from './routes.js'

const calls: Calls = {}
const things: Things = {}

const folder = compiled('test/features')
const files = readdirSync(folder).map((feature) => join(folder, feature, 'calls.js'))
for (const file of files.filter((path) => existsSync(path))) {
  const feature = (await import(file)) as FeatureCalls
  add(calls, feature.calls, file)
  add(things, feature.things ?? {}, file)
}

function add<T>(all: Record<string, T>, some: Record<string, T>, file: string): void {
  for (const [name, value] of Object.entries(some)) {
    assert.ok(!(name in all), `${file} has another entry for ${name}`)
    all[name] = value
  }
}

/** Names of the routes that have calls. */
export const routesWithCalls = Object.keys(calls)

/** Names of the routes that have a thing. */
export const routesWithThings = Object.keys(things)

/** The calls of a route, of which there is at least one. @throws AssertionError for a route without an entry */
export async function callsOf(route: Route, app: TestApp): Promise<[Call, ...Call[]]> {
  const make = calls[nameOf(route)] ?? assert.fail(`test/features/*/calls.ts: no entry for ${nameOf(route)}`)
  const [first, ...more] = await make(app)
  return [first ?? assert.fail(`test/features/*/calls.ts: no call for ${nameOf(route)}`), ...more]
}

/** What a route with a parameter names. @throws AssertionError for a route without an entry */
export function thingOf(route: Route, app: TestApp, owner: Person): Promise<Thing> {
  const make = things[nameOf(route)] ?? assert.fail(`test/features/*/calls.ts: no thing for ${nameOf(route)}`)
  return make(app, owner)
}
