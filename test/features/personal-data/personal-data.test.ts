import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import pg from 'pg'
import { password, signIn, signUp, startApp, type TestApp } from '../../support/app.js'
import { needs } from '../../support/host.js'
import { mailTo, signUpAndFollowLink } from '../../support/mail.js'
import { newPerson } from '../../support/people.js'

/** @see GDPR articles 15 and 17 */
describe("a user's personal data", () => {
  let app: TestApp
  before(async () => {
    app = await startApp()
    await app.sql(`CREATE TABLE public.notes (user_id uuid REFERENCES identsphere.users (id))`)
  })
  after(() => app.close())

  it('is exported without secrets after a recent authentication', async () => {
    const { client, email, organizationId } = await newPerson(app)
    await client.patch('/v1/users/me', { bio: 'Hello.' })
    const answer = await client.get('/v1/users/me/export')
    assert.equal(answer.status, 200)
    assert.match(String(answer.headers['content-disposition']), /^attachment/)
    const { profile, organizations, sessions, audit_logs } = answer.body
    assert.equal(profile.email, email)
    assert.equal(profile.bio, 'Hello.')
    assert.equal(organizations[0].organization_id, organizationId)
    assert.equal(sessions.length, 1)
    assert.ok(audit_logs.some((row: { action: string; email?: string }) => row.email === email))
    assert.ok(!/argon2|token_hash|secret/.test(answer.text))
    app.clock.advance(601)
    assert.equal((await client.get('/v1/users/me/export')).body.error.code, 'reauthentication_required')
  })

  /** @see GHSA-2vg6, better-auth; https://github.com/supabase/auth/pull/2564: remaining data of deleted users */
  it("is erased in one transaction, while the host's foreign keys hold", async () => {
    const { client, email, userId, organizationId } = await newPerson(app)
    const other = await signIn(app, email)
    await client.patch('/v1/users/me', { display_name: 'Ada Lovelace', phone_number: '+44 1', bio: 'Hello.' })
    await app.client().post('/v1/auth/magic-link/request', { email })
    await mailTo(app, email, /sign-in link/)
    await app.sql('INSERT INTO public.notes VALUES ($1)', [userId])
    const answers = await Promise.all(Array.from({ length: 5 }, () => client.delete('/v1/users/me')))
    assert.deepEqual(answers.map(({ status }) => status).sort(), [204, 401, 401, 401, 401])

    assert.equal((await other.get('/v1/auth/session')).status, 401)
    assert.equal((await app.client().post('/v1/auth/login', { email, password })).status, 401)
    const tables = await app.sql(
      "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'identsphere' AND table_type = 'BASE TABLE'",
    )
    for (const { name } of tables) {
      const rows = await app.sql(`SELECT t::text AS row FROM identsphere.${name} t`)
      for (const { row } of rows) {
        assert.ok(!row.includes(email) && !row.includes('Ada Lovelace') && !row.includes('+44 1'), `${name}: ${row}`)
      }
    }
    // Read from the schema, so that no table of a later feature is missed.
    const references = await app.sql(
      `SELECT c.relname AS "table", a.attname AS "column" FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
       WHERE c.relnamespace = 'identsphere'::regnamespace AND c.relkind = 'r' AND a.attnum > 0
         AND (a.attname = 'user_id' OR EXISTS (
           SELECT 1 FROM pg_constraint f
           WHERE f.contype = 'f' AND f.conrelid = c.oid AND f.confrelid = 'identsphere.users'::regclass
             AND a.attnum = ANY(f.conkey)))`,
    )
    assert.ok(references.length >= 3)
    for (const { table, column } of references) {
      const rows = await app.sql(`SELECT 1 FROM identsphere.${table} WHERE ${column} = $1`, [userId])
      assert.deepEqual(rows, [], `${table}.${column}`)
    }
    const [key] = await app.sql(
      'SELECT count(*)::int AS count FROM identsphere.audit_subject_keys WHERE subject_id = $1 AND sealed_key IS NOT NULL',
      [userId],
    )
    assert.equal(key.count, 0, 'the key of the audit rows is destroyed')
    const [organization] = await app.sql('SELECT deleted_at FROM identsphere.organizations WHERE id = $1', [
      organizationId,
    ])
    assert.notEqual(organization.deleted_at, null, 'no member was left in it')
    const events = await app.sql(
      "SELECT 1 FROM identsphere.webhook_events WHERE event = 'user.deleted' AND payload->>'user_id' = $1",
      [userId],
    )
    assert.equal(events.length, 1)
    assert.equal((await app.sql('SELECT 1 FROM public.notes WHERE user_id = $1', [userId])).length, 1)
    await mailTo(app, email, /^Your account was deleted/)
    const again = await newPerson(app, { email })
    assert.notEqual(again.userId, userId, 'the address is free again')
  })

  it('is erased together with the name of an organization without members', async () => {
    const { client, organizationId } = await signUp(app, { organization_name: 'Grace Hopper' })
    assert.equal((await client.delete('/v1/users/me')).status, 204)
    const [row] = await app.sql('SELECT o::text AS row FROM identsphere.organizations o WHERE id = $1', [
      organizationId,
    ])
    assert.doesNotMatch(row.row, /grace|hopper/i)
  })

  it('is erased even if strangers try to take its placeholders', async () => {
    const first = await newPerson(app)
    assert.equal((await first.client.delete('/v1/users/me')).status, 204)
    const [user] = await app.sql('SELECT email FROM identsphere.users WHERE id = $1', [first.userId])
    const [organization] = await app.sql('SELECT slug FROM identsphere.organizations WHERE id = $1', [
      first.organizationId,
    ])
    const victim = await newPerson(app)
    const stranger = { password, organization_name: 'Example Works' }
    const email = user.email.replace(first.userId, victim.userId)
    const slug = organization.slug.replace(first.organizationId, victim.organizationId)
    for (const body of [
      { ...stranger, email },
      { ...stranger, email: 'stranger@example.org', organization_slug: slug },
    ]) {
      assert.equal((await app.client().post('/v1/auth/register', body)).status, 400)
    }
    assert.equal((await victim.client.delete('/v1/users/me')).status, 204)
  })

  it('stays erased if an earlier sign-in fails afterwards', {
    skip: needs('a second connection'),
  }, async () => {
    const { client, email, userId } = await signUpAndFollowLink(app)
    const holder = new pg.Client({ connectionString: app.databaseUrl })
    await holder.connect()
    await holder.query('BEGIN; LOCK TABLE identsphere.budgets IN ACCESS EXCLUSIVE MODE')
    const failing = app.client().post('/v1/auth/login', { email, password: 'not-the-password-of-it' })
    const blocked = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%budgets%'"
    while ((await app.sql(blocked)).length === 0) await new Promise((resolve) => setImmediate(resolve))
    const erased = await client.delete('/v1/users/me')
    await holder.query('COMMIT')
    await holder.end()
    assert.equal(erased.status, 204)
    assert.equal((await failing).status, 401)
    const failures = await app.sql(
      "SELECT 1 FROM identsphere.audit_logs WHERE action = 'auth.login.failed' AND subject_id = $1",
      [userId],
    )
    assert.equal(failures.length, 1, 'the row exists')
    const keys = await app.sql(
      'SELECT 1 FROM identsphere.audit_subject_keys WHERE subject_id = $1 AND sealed_key IS NOT NULL',
      [userId],
    )
    assert.deepEqual(keys, [], 'what it says of the user cannot be read')
  })

  it('is kept while the user is the only owner of a shared organization', async () => {
    const { client, userId, organizationId } = await signUp(app, { organization_name: 'Left behind' })
    const member = await newPerson(app)
    await app.identsphere.api.organizations.addMember({ organizationId, userId: member.userId, role: 'member' })
    const refused = await client.delete('/v1/users/me')
    assert.equal(refused.status, 409)
    assert.deepEqual(refused.body.error.details, [{ organization_id: organizationId, name: 'Left behind' }])
    const [row] = await app.sql('SELECT status FROM identsphere.users WHERE id = $1', [userId])
    assert.equal(row.status, 'active')
    await app.identsphere.api.organizations.setRole({ organizationId, userId: member.userId, role: 'owner' })
    assert.equal((await client.delete('/v1/users/me')).status, 204)
  })

  it('is kept for one of two owners who leave simultaneously', async () => {
    const one = await newPerson(app)
    const two = await newPerson(app)
    const three = await newPerson(app)
    const { organizationId } = one
    await app.identsphere.api.organizations.addMember({ organizationId, userId: two.userId, role: 'owner' })
    await app.identsphere.api.organizations.addMember({ organizationId, userId: three.userId, role: 'viewer' })
    const answers = await Promise.all([one, two].map(({ client }) => client.delete('/v1/users/me')))
    assert.deepEqual(answers.map(({ status }) => status).sort(), [204, 409])
  })
})
