/**
 * Pages rendered by the server, without a bundler or a framework: `NODE_ENV=development npx tsx examples/server-rendered/server.ts`,
 * then open http://localhost:3000.
 *
 * Reading pages and submitting forms needs no script. Sign-in, sign-up and sign-out need one, because these routes take JSON.
 */
import { createServer } from 'node:http'
import { join } from 'node:path'
import express, { type Request, type Response } from 'express'
import { createIdentSphere, type OnDenied } from '../../lib/index.js' // in your application: from 'identsphere'
import { type Html, html } from './html.js'

const port = Number(process.env.PORT || 3000)
const address = `http://localhost:${port}`

const identsphere = createIdentSphere({
  publicBaseUrl: address,
  pages: { signIn: '/sign-in' },
  database: process.env.DATABASE_URL || 'embedded',
  development: true, // http on localhost and the embedded database: never in production
})

const app = express()
app.disable('x-powered-by')
app.use(identsphere.router())
app.use((_req, res, next) => {
  res.setHeader(
    'Content-Security-Policy',
    "default-src 'none'; script-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  )
  res.setHeader('X-Content-Type-Options', 'nosniff')
  next()
})
app.use(express.static(join(import.meta.dirname, 'public')))

function show(res: Response, title: string, body: Html, status = 200): void {
  const page = html`<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width">
    <title>${title}</title>
    <link rel="icon" href="data:,">
    <script type="module" src="/forms.js"></script>
  </head>
  <body>
    <main><h1>${title}</h1>${body}</main>
  </body>
</html>
`
  res.status(status).setHeader('Cache-Control', 'no-store').type('html').send(page.text)
}

/** Keeps `return_to` in the link between the two pages. `forms.js` checks it before it redirects. */
const sameQuery = (req: Request) => new URL(req.originalUrl, address).search

app.get('/sign-in', (req, res) => {
  show(
    res,
    'Sign in',
    html`<form data-action="/v1/auth/login">
      <p><label>E-mail <input name="email" type="email" autocomplete="username" required></label></p>
      <p><label>Password <input name="password" type="password" autocomplete="current-password" required></label></p>
      <button>Sign in</button>
      <p role="alert"></p>
    </form>
    <p><a href="/register${sameQuery(req)}">Create an account</a></p>`,
  )
})

app.get('/register', (req, res) => {
  show(
    res,
    'Create an account',
    html`<form data-action="/v1/auth/register">
      <p><label>E-mail <input name="email" type="email" autocomplete="username" required></label></p>
      <p><label>Password <input name="password" type="password" autocomplete="new-password" minlength="12" required></label></p>
      <p><label>Organization <input name="organization_name" required></label></p>
      <button>Create account</button>
      <p role="alert"></p>
    </form>
    <p><a href="/sign-in${sameQuery(req)}">I already have an account</a></p>`,
  )
})

app.get('/', (_req, res) => res.redirect('/notes'))

interface Note {
  text: string
  tag: string
}
const notesOf = new Map<string, Note[]>()

// Visitors without a session are redirected to the sign-in page, and come back. An expired access token is renewed on the way.
app.get('/notes', identsphere.requireAuth({ onDenied: 'redirect' }), (req, res) => {
  const { userId, email } = identsphere.auth(req)
  const tag = typeof req.query.tag === 'string' ? req.query.tag : ''
  const notes = (notesOf.get(userId) ?? []).filter((note) => tag === '' || note.tag === tag)
  show(
    res,
    'Notes',
    html`<p>Signed in as ${email}. <button type="button" data-sign-out="${identsphere.csrfToken(req)}">Sign out</button></p>
    <ul>${notes.map((note) => html`<li>${note.text} <a href="/notes?${new URLSearchParams({ tag: note.tag })}">${note.tag}</a></li>`)}</ul>
    <form method="post" action="/notes">
      <input type="hidden" name="_csrf" value="${identsphere.csrfToken(req)}">
      <p><label>Note <input name="text" maxlength="200" required></label></p>
      <p><label>Tag <input name="tag" maxlength="20" value="${tag}"></label></p>
      <button>Add</button>
    </form>`,
  )
})

/** A redirect cannot send a form again, so this page tells the user what to do. */
const explain: OnDenied = (error, _req, res) => {
  const advice =
    error.code === 'authentication_required'
      ? html`<p>Your note was not saved. <a href="/v1/auth/resume?return_to=%2Fnotes">Continue</a> and send it again.</p>`
      : html`<p>${error.message} Nothing was saved. <a href="/notes">Back</a></p>`
  if (error.retryAfterSeconds !== undefined) res.setHeader('Retry-After', error.retryAfterSeconds)
  show(res as Response, 'Not saved', advice, error.status)
}

// The parser runs first, because the guard reads the CSRF token from the field `_csrf` of the parsed body.
const formParser = express.urlencoded({ extended: false, limit: '16kb' })
app.post('/notes', formParser, identsphere.requireAuth({ onDenied: explain }), (req, res) => {
  const { userId } = identsphere.auth(req)
  const text = String(req.body.text ?? '').slice(0, 200)
  const tag = String(req.body.tag ?? '').slice(0, 20)
  if (text !== '') notesOf.set(userId, [{ text, tag }, ...(notesOf.get(userId) ?? [])].slice(0, 50))
  res.redirect(303, `/notes?${new URLSearchParams({ tag })}`)
})

const server = createServer(app)
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, async () => {
    server.close()
    server.closeAllConnections()
    await identsphere.close()
  })
}

await identsphere.migrate()
server.listen(port, 'localhost', () => console.log(`IdentSphere with server-rendered pages: ${address}`))
