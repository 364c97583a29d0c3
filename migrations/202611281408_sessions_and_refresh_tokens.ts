import type { Knex } from 'knex'

/** `trusted_browser_id` has no foreign key, because its table is created later. A missing row means no trust. */
export async function up(knex: Knex, schema: string): Promise<void> {
  const s = `"${schema}"`
  await knex.raw(`
    CREATE TABLE ${s}.user_sessions (
      id uuid PRIMARY KEY,
      user_id uuid NOT NULL REFERENCES ${s}.users (id) ON DELETE CASCADE,
      organization_id uuid REFERENCES ${s}.organizations (id) ON DELETE SET NULL,
      auth_method text NOT NULL,
      amr text[] NOT NULL,
      auth_time timestamptz NOT NULL,
      auth_purpose text,
      mfa_verified_at timestamptz,
      dpop_jkt text,
      epoch integer NOT NULL DEFAULT 0,
      security_version integer NOT NULL,
      impersonator_id uuid REFERENCES ${s}.users (id) ON DELETE CASCADE,
      ip_address text,
      user_agent text,
      created_at timestamptz NOT NULL,
      last_seen_at timestamptz NOT NULL,
      expires_at timestamptz NOT NULL,
      revoked_at timestamptz,
      revoke_reason text,
      trusted_browser_id uuid
    ) WITH (fillfactor = 90);
    CREATE INDEX user_sessions_user ON ${s}.user_sessions (user_id);
    CREATE INDEX user_sessions_live ON ${s}.user_sessions (user_id, created_at) WHERE revoked_at IS NULL;
    CREATE INDEX user_sessions_organization ON ${s}.user_sessions (organization_id);
    CREATE INDEX user_sessions_impersonator ON ${s}.user_sessions (impersonator_id) WHERE impersonator_id IS NOT NULL;
    CREATE INDEX user_sessions_expiry ON ${s}.user_sessions (expires_at);

    CREATE TABLE ${s}.refresh_tokens (
      session_id uuid NOT NULL REFERENCES ${s}.user_sessions (id) ON DELETE CASCADE,
      generation integer NOT NULL,
      token_hash bytea NOT NULL,
      key_version integer,
      successor_salt bytea,
      used_at timestamptz,
      PRIMARY KEY (session_id, generation),
      CONSTRAINT refresh_tokens_hash_unique UNIQUE (token_hash)
    );
    CREATE INDEX refresh_tokens_salted ON ${s}.refresh_tokens (used_at) WHERE successor_salt IS NOT NULL;
  `)
}

export async function down(knex: Knex, schema: string): Promise<void> {
  const s = `"${schema}"`
  await knex.raw(`DROP TABLE ${s}.refresh_tokens, ${s}.user_sessions`)
}
