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

    CREATE TABLE ${s}.mfa_challenges (
      id uuid PRIMARY KEY,
      user_id uuid NOT NULL REFERENCES ${s}.users (id) ON DELETE CASCADE,
      organization_id uuid REFERENCES ${s}.organizations (id) ON DELETE SET NULL,
      purpose text NOT NULL CHECK (purpose IN ('sign_in')),
      auth_method text NOT NULL,
      amr text[] NOT NULL,
      security_version integer NOT NULL,
      attempts integer NOT NULL DEFAULT 0,
      ip_address text,
      user_agent text,
      created_at timestamptz NOT NULL,
      expires_at timestamptz NOT NULL,
      consumed_at timestamptz
    );
    CREATE INDEX mfa_challenges_user ON ${s}.mfa_challenges (user_id);
    CREATE INDEX mfa_challenges_organization ON ${s}.mfa_challenges (organization_id);
    CREATE INDEX mfa_challenges_expiry ON ${s}.mfa_challenges (expires_at);

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

    ALTER TABLE ${s}.budgets
      ADD COLUMN streak integer NOT NULL DEFAULT 0,
      ADD COLUMN blocked_until timestamptz;
  `)
}

export async function down(knex: Knex, schema: string): Promise<void> {
  const s = `"${schema}"`
  await knex.raw(`
    ALTER TABLE ${s}.budgets DROP COLUMN streak, DROP COLUMN blocked_until;
    DROP TABLE ${s}.user_recovery_codes, ${s}.mfa_challenges, ${s}.mfa_factors;
  `)
}
