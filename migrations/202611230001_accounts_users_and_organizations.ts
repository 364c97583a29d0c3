import type { Knex } from 'knex'

export async function up(knex: Knex, schema: string): Promise<void> {
  const s = `"${schema}"`
  await knex.raw(`
    CREATE TABLE ${s}.organizations (
      id uuid PRIMARY KEY,
      name text NOT NULL,
      slug text NOT NULL,
      settings jsonb NOT NULL DEFAULT '{}',
      created_at timestamptz NOT NULL,
      updated_at timestamptz NOT NULL,
      deleted_at timestamptz,
      CONSTRAINT organizations_slug_unique UNIQUE (slug)
    );

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

    CREATE TABLE ${s}.organization_memberships (
      organization_id uuid NOT NULL REFERENCES ${s}.organizations (id) ON DELETE CASCADE,
      user_id uuid NOT NULL REFERENCES ${s}.users (id) ON DELETE CASCADE,
      role text NOT NULL CHECK (role IN ('owner', 'admin', 'billing', 'member', 'viewer')),
      created_at timestamptz NOT NULL,
      PRIMARY KEY (organization_id, user_id)
    );
    CREATE INDEX organization_memberships_user ON ${s}.organization_memberships (user_id);

    CREATE TABLE ${s}.platform_admins (
      user_id uuid PRIMARY KEY REFERENCES ${s}.users (id) ON DELETE CASCADE,
      level text NOT NULL DEFAULT 'admin',
      granted_by uuid REFERENCES ${s}.users (id) ON DELETE SET NULL,
      created_at timestamptz NOT NULL
    );
    CREATE INDEX platform_admins_granted_by ON ${s}.platform_admins (granted_by);
  `)
}

export async function down(knex: Knex, schema: string): Promise<void> {
  const s = `"${schema}"`
  await knex.raw(`DROP TABLE ${s}.platform_admins, ${s}.organization_memberships, ${s}.users, ${s}.organizations`)
}
