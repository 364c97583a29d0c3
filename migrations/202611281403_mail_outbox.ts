import type { Knex } from 'knex'

export async function up(knex: Knex, schema: string): Promise<void> {
  const s = `"${schema}"`
  await knex.raw(`
    CREATE TABLE ${s}.mail_outbox (
      id uuid PRIMARY KEY,
      template text NOT NULL,
      key_version integer NOT NULL,
      sealed_parameters bytea,
      attempts integer NOT NULL DEFAULT 0,
      next_attempt_at timestamptz NOT NULL,
      created_at timestamptz NOT NULL,
      sent_at timestamptz,
      given_up_at timestamptz,
      expires_at timestamptz
    );
    CREATE INDEX mail_outbox_waiting ON ${s}.mail_outbox (next_attempt_at)
      WHERE sent_at IS NULL AND given_up_at IS NULL;
  `)
}

export async function down(knex: Knex, schema: string): Promise<void> {
  await knex.raw(`DROP TABLE "${schema}".mail_outbox`)
}
