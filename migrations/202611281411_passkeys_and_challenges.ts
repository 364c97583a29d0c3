import type { Knex } from 'knex'

export async function up(knex: Knex, schema: string): Promise<void> {
  const s = `"${schema}"`
  await knex.raw(`
    CREATE TABLE ${s}.user_passkeys (
      id uuid PRIMARY KEY,
      user_id uuid NOT NULL REFERENCES ${s}.users (id) ON DELETE CASCADE,
      credential_id text NOT NULL,
      public_key bytea NOT NULL,
      sign_count bigint NOT NULL,
      transports text[] NOT NULL,
      aaguid uuid NOT NULL,
      backup_eligible boolean NOT NULL,
      backed_up boolean NOT NULL,
      label text,
      created_at timestamptz NOT NULL,
      last_used_at timestamptz,
      CONSTRAINT user_passkeys_credential_unique UNIQUE (credential_id)
    );
    CREATE INDEX user_passkeys_user ON ${s}.user_passkeys (user_id);

    CREATE TABLE ${s}.webauthn_challenges (
      id uuid PRIMARY KEY,
      purpose text NOT NULL CHECK (purpose IN ('registration', 'login', 'challenge', 'step_up')),
      challenge bytea NOT NULL,
      user_id uuid,
      binding_hash bytea NOT NULL,
      created_at timestamptz NOT NULL,
      expires_at timestamptz NOT NULL,
      CONSTRAINT webauthn_challenges_challenge_unique UNIQUE (challenge)
    );
    CREATE INDEX webauthn_challenges_user ON ${s}.webauthn_challenges (user_id);
    CREATE INDEX webauthn_challenges_expiry ON ${s}.webauthn_challenges (expires_at);
  `)
}

export async function down(knex: Knex, schema: string): Promise<void> {
  const s = `"${schema}"`
  await knex.raw(`DROP TABLE ${s}.webauthn_challenges, ${s}.user_passkeys`)
}
