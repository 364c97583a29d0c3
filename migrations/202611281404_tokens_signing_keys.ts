import type { Knex } from 'knex'

export async function up(knex: Knex, schema: string): Promise<void> {
  const s = `"${schema}"`
  await knex.raw(`
    CREATE TABLE ${s}.signing_keys (
      kid text PRIMARY KEY,
      state text NOT NULL CHECK (state IN ('next', 'active', 'retired', 'revoked')),
      updated_at timestamptz NOT NULL
    );
    CREATE INDEX signing_keys_revoked ON ${s}.signing_keys (kid) WHERE state = 'revoked';
  `)
}

export async function down(knex: Knex, schema: string): Promise<void> {
  await knex.raw(`DROP TABLE "${schema}".signing_keys`)
}
