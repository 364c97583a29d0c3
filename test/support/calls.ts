import type { TestApp } from './app.js'
import type { Client, SendOptions } from './client.js'
import { nativeClient, newPerson, type Person } from './people.js'

/** A call of a route that must succeed. */
export interface Call {
  client: Client
  path: string
  options: SendOptions
  /** The status it answers with. */
  status: number
}

/** For each route of a feature the calls that reach each of its answers, by the name of the route. */
export type Calls = Record<string, (app: TestApp) => Promise<Call[]>>

/** A thing of its owner's that a route names by its id. */
export interface Thing {
  /** Values of the route's parameters, by name. */
  params: Record<string, string>
  body?: object
  /** The row as it is stored, to be compared. */
  row(): Promise<unknown>
}

/** For each route of a feature with a parameter, how to make what it names. The owner's address is verified. */
export type Things = Record<string, (app: TestApp, owner: Person) => Promise<Thing>>

/** What `test/features/<feature>/calls.ts` exports. */
export interface FeatureCalls {
  calls: Calls
  things?: Things
}

/** A call that needs no session. */
export const anonymous = (app: TestApp, path: string): Call => ({
  client: app.client(),
  path,
  options: {},
  status: 200,
})

/** A read by a browser and by a native client. */
export async function reading(app: TestApp, path: string): Promise<Call[]> {
  const { client } = await newPerson(app)
  return [client, await nativeClient(app)].map((reader) => ({ client: reader, path, options: {}, status: 200 }))
}

/** A request for a mail, to a user and to an address that nobody has. */
export async function asking(app: TestApp, path: string): Promise<Call[]> {
  const { email } = await newPerson(app)
  return [email, `nobody-${email}`].map((address) => ({
    client: app.client(),
    path,
    options: { body: { email: address } },
    status: 204,
  }))
}
