import type { Knex } from 'knex'

export async function up(knex: Knex, schema: string): Promise<void> {
  const s = `"${schema}"`
  await knex.raw(`
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
  `)
}

export async function down(knex: Knex, schema: string): Promise<void> {
  await knex.raw(`DROP TABLE "${schema}".mfa_challenges`)
}
