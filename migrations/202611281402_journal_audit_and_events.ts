import type { Knex } from 'knex'

export async function up(knex: Knex, schema: string): Promise<void> {
  const s = `"${schema}"`
  await knex.raw(`
    CREATE TABLE ${s}.audit_logs (
      id uuid PRIMARY KEY,
      organization_id uuid,
      actor_id uuid,
      impersonator_id uuid,
      actor_type text NOT NULL CHECK (actor_type IN ('user', 'api_key', 'system')),
      action text NOT NULL,
      resource_type text,
      resource_id text,
      status text NOT NULL CHECK (status IN ('success', 'failure')),
      metadata jsonb NOT NULL DEFAULT '{}',
      subject_id uuid NOT NULL,
      sealed_personal bytea NOT NULL,
      request_id text,
      created_at timestamptz NOT NULL
    );
    CREATE INDEX audit_logs_organization ON ${s}.audit_logs (organization_id, created_at, id);
    CREATE INDEX audit_logs_actor ON ${s}.audit_logs (actor_id, created_at, id);

    CREATE FUNCTION ${s}.refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      RAISE EXCEPTION 'audit rows cannot be changed or deleted' USING ERRCODE = 'insufficient_privilege';
    END $$;
    CREATE TRIGGER audit_logs_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ${s}.audit_logs
      FOR EACH STATEMENT EXECUTE FUNCTION ${s}.refuse_audit_change();

    CREATE TABLE ${s}.audit_subject_keys (
      subject_id uuid PRIMARY KEY,
      -- Both are null if the key was destroyed. The subject gets no new key.
      key_version integer,
      sealed_key bytea,
      CHECK ((key_version IS NULL) = (sealed_key IS NULL)),
      created_at timestamptz NOT NULL
    );
    CREATE INDEX audit_subject_keys_version ON ${s}.audit_subject_keys (key_version);

    CREATE TABLE ${s}.webhook_events (
      id uuid PRIMARY KEY,
      event text NOT NULL,
      organization_id uuid,
      payload jsonb NOT NULL,
      created_at timestamptz NOT NULL
    );
    CREATE INDEX webhook_events_created ON ${s}.webhook_events (created_at);
  `)
}

export async function down(knex: Knex, schema: string): Promise<void> {
  const s = `"${schema}"`
  await knex.raw(`
    DROP TABLE ${s}.webhook_events, ${s}.audit_subject_keys, ${s}.audit_logs;
    DROP FUNCTION ${s}.refuse_audit_change();
  `)
}
