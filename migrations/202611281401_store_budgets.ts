import type { Knex } from 'knex'

export async function up(knex: Knex, schema: string): Promise<void> {
  const s = `"${schema}"`
  await knex.raw(`
    CREATE TABLE ${s}.budgets (
      key text PRIMARY KEY,
      count integer NOT NULL,
      window_ends_at timestamptz NOT NULL,
      streak integer NOT NULL DEFAULT 0,
      blocked_until timestamptz
    ) WITH (fillfactor = 80);
    CREATE INDEX budgets_window ON ${s}.budgets (window_ends_at);
  `)
}

export async function down(knex: Knex, schema: string): Promise<void> {
  await knex.raw(`DROP TABLE "${schema}".budgets`)
}
