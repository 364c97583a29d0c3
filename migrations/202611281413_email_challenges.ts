import type { Knex } from 'knex'

export async function up(knex: Knex, schema: string): Promise<void> {
  const s = `"${schema}"`
  await knex.raw(`
    CREATE TABLE ${s}.email_challenges (
      id uuid PRIMARY KEY,
      kind text NOT NULL CHECK (kind IN ('register', 'verify', 'reset', 'otp', 'magic', 'change', 'undo', 'reauthenticate')),
      user_id uuid REFERENCES ${s}.users (id) ON DELETE CASCADE,
      email_key bytea NOT NULL,
      secret_hash bytea NOT NULL,
      flow_hash bytea,
      attempts integer NOT NULL DEFAULT 0,
      security_version integer,
      key_version integer NOT NULL,
      sealed_payload bytea,
      created_at timestamptz NOT NULL,
      expires_at timestamptz NOT NULL,
      consumed_at timestamptz,
      CONSTRAINT email_challenges_secret_unique UNIQUE (secret_hash)
    );
    CREATE INDEX email_challenges_user ON ${s}.email_challenges (user_id);
    CREATE INDEX email_challenges_email ON ${s}.email_challenges (email_key, kind, created_at);
    CREATE INDEX email_challenges_expiry ON ${s}.email_challenges (expires_at);
  `)
}

export async function down(knex: Knex, schema: string): Promise<void> {
  await knex.raw(`DROP TABLE "${schema}".email_challenges`)
}
