import type { Knex } from 'knex'

export async function up(knex: Knex, schema: string): Promise<void> {
  const s = `"${schema}"`
  await knex.raw(`
    CREATE TABLE ${s}.mfa_factors (
      id uuid PRIMARY KEY,
      user_id uuid NOT NULL REFERENCES ${s}.users (id) ON DELETE CASCADE,
      kind text NOT NULL CHECK (kind IN ('totp')),
      key_version integer NOT NULL,
      sealed_secret bytea NOT NULL,
      pending_session_id uuid REFERENCES ${s}.user_sessions (id) ON DELETE CASCADE,
      last_used_step integer,
      created_at timestamptz NOT NULL,
      confirmed_at timestamptz,
      CONSTRAINT mfa_factors_pending CHECK (confirmed_at IS NULL OR pending_session_id IS NULL)
    );
    CREATE UNIQUE INDEX mfa_factors_confirmed ON ${s}.mfa_factors (user_id, kind) WHERE confirmed_at IS NOT NULL;
    CREATE UNIQUE INDEX mfa_factors_one_pending ON ${s}.mfa_factors (user_id, kind) WHERE confirmed_at IS NULL;
    CREATE INDEX mfa_factors_user ON ${s}.mfa_factors (user_id);
    CREATE INDEX mfa_factors_session ON ${s}.mfa_factors (pending_session_id) WHERE pending_session_id IS NOT NULL;
    CREATE INDEX mfa_factors_key_version ON ${s}.mfa_factors (key_version);

    CREATE TABLE ${s}.user_recovery_codes (
      id uuid PRIMARY KEY,
      user_id uuid NOT NULL REFERENCES ${s}.users (id) ON DELETE CASCADE,
      key_version integer NOT NULL,
      code_hash bytea NOT NULL,
      created_at timestamptz NOT NULL,
      used_at timestamptz,
      CONSTRAINT user_recovery_codes_unique UNIQUE (user_id, code_hash)
    );
    CREATE INDEX user_recovery_codes_key_version ON ${s}.user_recovery_codes (key_version);
  `)
}

export async function down(knex: Knex, schema: string): Promise<void> {
  const s = `"${schema}"`
  await knex.raw(`DROP TABLE ${s}.user_recovery_codes, ${s}.mfa_factors`)
}
