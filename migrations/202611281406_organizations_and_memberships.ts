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

    CREATE TABLE ${s}.organization_memberships (
      organization_id uuid NOT NULL REFERENCES ${s}.organizations (id) ON DELETE CASCADE,
      user_id uuid NOT NULL REFERENCES ${s}.users (id) ON DELETE CASCADE,
      role text NOT NULL CHECK (role IN ('owner', 'admin', 'billing', 'member', 'viewer')),
      created_at timestamptz NOT NULL,
      PRIMARY KEY (organization_id, user_id)
    );
    CREATE INDEX organization_memberships_user ON ${s}.organization_memberships (user_id, organization_id);
  `)
}

export async function down(knex: Knex, schema: string): Promise<void> {
  const s = `"${schema}"`
  await knex.raw(`DROP TABLE ${s}.organization_memberships, ${s}.organizations`)
}
