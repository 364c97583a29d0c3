/**
 * The least that a strict answer needs, written by hand: the same facts, hashes and signatures, and no product code.
 * The product is measured against it.
 */
import express from 'express'
import pg from 'pg'
import { createGuard } from './by-hand/guard.js'
import { createLogin } from './by-hand/login.js'
import { createRefresh } from './by-hand/refresh.js'
import { createRegister } from './by-hand/register.js'
import { createSessionAnswer } from './by-hand/session-answer.js'
import { createTokens } from './by-hand/tokens.js'
import { input, serve } from './serve.js'

/** What this server is started with. */
export interface ByHandInput {
  /** The guard reads IdentSphere's schema. The other routes read and write the schema `by_hand`. */
  databaseUrl: string
  privateKey: string
  publicKey: string
}

const { databaseUrl, privateKey, publicKey } = await input<ByHandInput>()
const pool = new pg.Pool({ connectionString: databaseUrl, max: 10 })
const tokens = createTokens(privateKey, publicKey)
const sessionAnswer = createSessionAnswer(tokens)
const login = createLogin(pool, sessionAnswer)

const app = express()
app.get('/guarded', await createGuard(databaseUrl, tokens), (_request, response) => {
  const [userId, organizationId, role] = response.locals.facts
  response.json({ user_id: userId, organization_id: organizationId, role })
})
app.use(express.json())
app.post('/argon2', login.verifyOnly)
app.post('/login', login.signIn)
app.post('/refresh', createRefresh(pool, sessionAnswer, tokens))
app.post('/register', createRegister(pool, sessionAnswer))
await serve(app)
