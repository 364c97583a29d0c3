import type { Knex } from 'knex'

export async function up(knex: Knex, schema: string): Promise<void> {
  const s = `"${schema}"`
  await knex.raw(`
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
  await knex.raw(`DROP TABLE "${schema}".platform_admins`)
}
