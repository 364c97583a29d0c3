import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { identifier, type SqlPart, sql } from '../../../lib/core/store/sql.js'

const statement = (value: unknown) => sql`SELECT ${value as SqlPart}`.statement()

describe('a template of SQL', () => {
  it('binds each value where it stands', () => {
    const now = new Date()
    const bytes = Buffer.from('x')
    assert.deepEqual(sql`a = ${'x'} AND b = ${1} OR c IN (${true}, ${null}) ${now} ${bytes} ${['x', 2]}`.statement(), {
      text: 'a = $1 AND b = $2 OR c IN ($3, $4) $5 $6 $7',
      values: ['x', 1, true, null, now, bytes, ['x', 2]],
    })
  })

  it('takes in fragments as text, with their values in order', () => {
    const inner = sql`b = ${2} AND ${sql`c = ${3}`}`
    assert.deepEqual(
      sql`SELECT ${sql`x, y`} FROM ${identifier('s', 't')} WHERE a = ${1} AND ${inner} LIMIT ${4}`.statement(),
      {
        text: 'SELECT x, y FROM "s"."t" WHERE a = $1 AND b = $2 AND c = $3 LIMIT $4',
        values: [1, 2, 3, 4],
      },
    )
    assert.deepEqual(sql`${inner}${inner}`.statement().values, [2, 3, 2, 3])
    assert.equal(
      sql`
      SELECT 1`.statement().text,
      'SELECT 1',
    )
    assert.deepEqual(sql``.statement(), { text: '', values: [] })
  })

  it('never lets a value into the text', () => {
    for (const value of ["'; DROP TABLE users; --", '$1', '?', '\0', '"', '\\', 'now()']) {
      assert.deepEqual(statement(value), { text: 'SELECT $1', values: [value] })
    }
  })

  it('refuses what cannot be bound', () => {
    const odd: unknown[] = [
      undefined,
      {},
      { text: 'now()', values: [] },
      JSON.parse('{"texts":["now()"],"values":[]}'),
      new Uint8Array(1),
      Object.create(Object.getPrototypeOf(sql`now()`)),
      () => 'now()',
      Symbol('now()'),
      1n,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      new Date(Number.NaN),
      Promise.resolve('x'),
      [undefined],
      [null],
      [['nested']],
      [{}],
      [sql`now()`],
    ]
    for (const value of odd) assert.throws(() => statement(value), TypeError, String(value))
  })

  it('is a tag and takes no text', () => {
    const call = sql as unknown as (...values: unknown[]) => unknown
    for (const texts of ['SELECT 1', ['SELECT 1'], { raw: ['SELECT 1'] }, undefined, null]) {
      assert.throws(() => call(texts), TypeError)
    }
  })
})

describe('an identifier', () => {
  it('is quoted', () => {
    assert.equal(identifier('users').statement().text, '"users"')
    assert.equal(identifier('my_schema2', '_t').statement().text, '"my_schema2"."_t"')
  })

  it('is a plain SQL name of at most 63 bytes', () => {
    for (const name of ['', 'Users', 'users; --', 'a"b', 'a.b', 'ü', '1a', ' a', 'a\n', 'x'.repeat(64)]) {
      assert.throws(() => identifier('public', name), TypeError, name)
    }
  })
})
