import { loginUsers, tableRows } from '../settings.js'
import { fillTables, withClient } from './sql.js'

/** Makes and fills the tables of the server that is written by hand. The tables are as IdentSphere's, in a schema of their own. */
export async function seedByHand(databaseUrl: string, passwordHash: string): Promise<void> {
  await withClient(databaseUrl, (client) => client.query(tables))
  await fillTables(
    databaseUrl,
    'by_hand',
    `INSERT INTO by_hand.organizations (id, name, slug, created_at)
       VALUES (gen_random_uuid(), 'Bench', 'bench', now());
     INSERT INTO by_hand.users (id, email, password_hash, created_at)
       SELECT gen_random_uuid(), 'user' || n || '@example.com', CASE WHEN n <= ${loginUsers} THEN '${passwordHash}' END,
         now()
       FROM generate_series(1, ${tableRows}) n;
     INSERT INTO by_hand.memberships (organization_id, user_id, role, created_at)
       SELECT o.id, u.id, 'admin', now() FROM by_hand.users u, by_hand.organizations o;
     INSERT INTO by_hand.sessions (id, user_id, organization_id, amr, auth_time, security_version, created_at,
         last_seen_at, expires_at)
       SELECT gen_random_uuid(), u.id, o.id, '{pwd}', now(), 1, now(), now(), now() + interval '30 days'
       FROM by_hand.users u, by_hand.organizations o;`,
  )
}

const tables = `
  CREATE SCHEMA by_hand;
  CREATE TABLE by_hand.organizations (
    id uuid PRIMARY KEY, name text NOT NULL, slug text NOT NULL UNIQUE, created_at timestamptz NOT NULL
  );
  CREATE TABLE by_hand.users (
    id uuid PRIMARY KEY, email text NOT NULL, password_hash text, status text NOT NULL DEFAULT 'active',
    security_version integer NOT NULL DEFAULT 1, created_at timestamptz NOT NULL
  );
  CREATE UNIQUE INDEX ON by_hand.users (lower(email));
  CREATE TABLE by_hand.memberships (
    organization_id uuid NOT NULL REFERENCES by_hand.organizations (id) ON DELETE CASCADE,
    user_id uuid NOT NULL REFERENCES by_hand.users (id) ON DELETE CASCADE,
    role text NOT NULL, created_at timestamptz NOT NULL, PRIMARY KEY (organization_id, user_id)
  );
  CREATE INDEX ON by_hand.memberships (user_id);
  CREATE TABLE by_hand.sessions (
    id uuid PRIMARY KEY, user_id uuid NOT NULL REFERENCES by_hand.users (id) ON DELETE CASCADE,
    organization_id uuid REFERENCES by_hand.organizations (id) ON DELETE SET NULL, amr text[] NOT NULL,
    auth_time timestamptz NOT NULL, security_version integer NOT NULL, ip_address text,
    created_at timestamptz NOT NULL, last_seen_at timestamptz NOT NULL, expires_at timestamptz NOT NULL,
    revoked_at timestamptz
  ) WITH (fillfactor = 90);
  CREATE INDEX ON by_hand.sessions (user_id);
  CREATE INDEX ON by_hand.sessions (user_id, created_at) WHERE revoked_at IS NULL;
  CREATE INDEX ON by_hand.sessions (organization_id);
  CREATE INDEX ON by_hand.sessions (expires_at);
  CREATE TABLE by_hand.refresh_tokens (
    session_id uuid NOT NULL REFERENCES by_hand.sessions (id) ON DELETE CASCADE, generation integer NOT NULL,
    token_hash bytea NOT NULL UNIQUE, used_at timestamptz, PRIMARY KEY (session_id, generation)
  );
  CREATE TABLE by_hand.budgets (key text PRIMARY KEY, count integer NOT NULL, window_ends_at timestamptz NOT NULL);
  CREATE TABLE by_hand.audit_rows (
    id uuid PRIMARY KEY, action text NOT NULL, user_id uuid NOT NULL, organization_id uuid,
    details jsonb NOT NULL, created_at timestamptz NOT NULL
  );
  CREATE INDEX ON by_hand.audit_rows (organization_id, created_at, id);
  CREATE INDEX ON by_hand.audit_rows (user_id, created_at, id);
`
