import { createHook } from 'node:async_hooks'
import knexLibrary, { type Knex } from 'knex'

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
