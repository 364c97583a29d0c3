import type { Knex } from 'knex'

/** The trusted browser that a session is in. No foreign key: whoever reads it joins, and one that is gone is no trust. */
export async function up(knex: Knex, schema: string): Promise<void> {
  await knex.raw(`ALTER TABLE "${schema}".user_sessions ADD COLUMN trusted_browser_id uuid`)
}

export async function down(knex: Knex, schema: string): Promise<void> {
  await knex.raw(`ALTER TABLE "${schema}".user_sessions DROP COLUMN trusted_browser_id`)
}
