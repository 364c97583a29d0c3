/** Bare Express and one pool of `pg`: what every application with a database uses of memory and time to start. */
import express from 'express'
import pg from 'pg'
import { sampleAnswer } from './answer.js'
import { input, serve } from './serve.js'

const { databaseUrl } = await input<{ databaseUrl: string }>()
const pool = new pg.Pool({ connectionString: databaseUrl, max: 10 })
const app = express()
app.get('/guarded', async (_request, response) => {
  await pool.query('SELECT 1')
  response.json(sampleAnswer)
})
await serve(app)
