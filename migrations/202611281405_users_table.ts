import type { Knex } from 'knex'

export async function up(knex: Knex, schema: string): Promise<void> {
  const s = `"${schema}"`
  await knex.raw(`
    CREATE TABLE ${s}.users (
      id uuid PRIMARY KEY,
      email text NOT NULL,
      email_verified_at timestamptz,
      password_hash text,
      status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'invited', 'disabled', 'deleted')),
      display_name text,
      job_title text,
      phone_number text,
      bio text,
      preferences jsonb NOT NULL DEFAULT '{}',
      last_password_change timestamptz,
      security_version integer NOT NULL DEFAULT 1,
      external_id text,
      created_at timestamptz NOT NULL,
      updated_at timestamptz NOT NULL,
      deleted_at timestamptz,
      CONSTRAINT users_external_id_unique UNIQUE (external_id)
    );
    CREATE UNIQUE INDEX users_email_unique ON ${s}.users (lower(email));
  `)
}

export async function down(knex: Knex, schema: string): Promise<void> {
  await knex.raw(`DROP TABLE "${schema}".users`)
}
