/** Bare Express that answers the same JSON: the most that any guard can reach. */
import express from 'express'
import { input, serve } from './serve.js'

await input()
const app = express()
app.get('/guarded', (_request, response) => {
  response.json({
    user_id: '00000000-0000-7000-8000-000000000001',
    organization_id: '00000000-0000-7000-8000-000000000000',
    role: 'admin',
  })
})
await serve(app)
