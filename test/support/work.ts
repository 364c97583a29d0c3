import { createHook } from 'node:async_hooks'
import knexLibrary, { type Knex } from 'knex'
import pg from 'pg'

/** Names of the password hashing that was started in this process while `act` ran: the work itself, however long it takes. */
export async function hashingOf(act: () => Promise<unknown>): Promise<string[]> {
  const started: string[] = []
  const hook = createHook({
    init(_id, type) {
      if (/^(argon2|bcrypt):/.test(type)) started.push(type)
    },
  })
  hook.enable()
  try {
    await act()
  } finally {
    hook.disable()
  }
  return started
}

/** One statement as it was sent. */
export interface Statement {
  text: string
  bindings: readonly unknown[]
}

/** Connections that remember what was sent over them. The caller closes them. */
export function recordingKnex(url: string): { knex: Knex; statements: Statement[] } {
  const knex = knexLibrary({ client: 'pg', connection: url, pool: { min: 0, max: 10 } })
  const statements: Statement[] = []
  knex.on('query', ({ sql, bindings }: { sql: string; bindings?: unknown[] }) => {
    statements.push({ text: sql, bindings: bindings ?? [] })
  })
  return { knex, statements }
}

/** Texts of all statements that this process sent while `act` ran, over whichever connection. */
export async function statementsOf(act: () => Promise<unknown>): Promise<string[]> {
  const texts: string[] = []
  const { query } = pg.Client.prototype
  pg.Client.prototype.query = function (this: pg.Client, ...given: unknown[]) {
    const [first] = given
    texts.push(typeof first === 'string' ? first : String((first as { text?: unknown }).text))
    return query.apply(this, given as never)
  } as never
  try {
    await act()
  } finally {
    pg.Client.prototype.query = query
  }
  return texts
}
