import type { Knex } from 'knex'

export async function up(knex: Knex, schema: string): Promise<void> {
  const s = `"${schema}"`
  await knex.raw(`
    CREATE TABLE ${s}.trusted_browsers (
      id uuid PRIMARY KEY,
      user_id uuid NOT NULL REFERENCES ${s}.users (id) ON DELETE CASCADE,
      security_version integer NOT NULL,
      generation integer NOT NULL DEFAULT 0,
      label text,
      ip_address text,
      user_agent text,
      created_at timestamptz NOT NULL,
      last_used_at timestamptz NOT NULL,
      expires_at timestamptz NOT NULL,
      revoked_at timestamptz
    );
    CREATE INDEX trusted_browsers_user ON ${s}.trusted_browsers (user_id);
    CREATE INDEX trusted_browsers_expiry ON ${s}.trusted_browsers (expires_at);
  `)
}

export async function down(knex: Knex, schema: string): Promise<void> {
  await knex.raw(`DROP TABLE "${schema}".trusted_browsers`)
}
