/** Bare Express: the most that any guard can reach. */
import express from 'express'
import { sampleAnswer } from './answer.js'
import { input, serve } from './serve.js'

await input()
const app = express()
app.get('/guarded', (_request, response) => {
  response.json(sampleAnswer)
})
await serve(app)
