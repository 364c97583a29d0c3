import type { CoreSettings } from '../../core/config/settings.js'
import { type Route, route } from '../../core/http/route.js'
import { type Html, html } from '../../core/mail/html.js'
import type { Mailbox } from '../../core/mail/mailbox.js'
import { createClientFile } from './client-file.js'
import { pageReply } from './page.js'
import { script, style } from './script.js'

/** Where a page leads when its work is done. */
type Next = 'home' | 'mailbox'

/** One form of a page: shown when the page was opened with a token, without, or when a sign-in waits for its second factor. */
interface Form {
  token: 'yes' | 'no' | 'second'
  /** Path that it is sent to, below the mount. */
  to: string
  fields: Html
  button: string
  /** Said when it was accepted. */
  done: string
  next?: Next
  /** Said when it was accepted, and the sign-in that follows waits for a second factor, for which this page does not ask. */
  secondFactor?: string
}

const input = (name: string, label: string, type: string, autocomplete: string, hint?: string) =>
  html`<label for="${name}">${label}</label><input id="${name}" name="${name}" type="${type}" autocomplete="${autocomplete}" required${
    hint === undefined ? html`>` : html` aria-describedby="${name}-hint"><p class="hint" id="${name}-hint">${hint}</p>`
  }`

const newPassword = (minLength: number) =>
  input('new_password', 'New password', 'password', 'new-password', `At least ${minLength} characters.`)

const codeHint = 'Six digits from your authenticator app, or one of your recovery codes.'

/** The password, asked for only where no session of the user says who confirms. */
const proof = html`<div data-proof="Enter the password of the account to confirm that it is yours." hidden>
<label for="password">Password</label><input id="password" name="password" type="password" autocomplete="current-password"></div>`

interface Page {
  method: 'GET'
  path: string
  title: string
  text: string
  forms: readonly Form[]
}

const pagesOf = (minLength: number): readonly Page[] => [
  {
    method: 'GET',
    path: '/v1/pages/reset-password',
    title: 'Choose a new password',
    text: '',
    forms: [
      {
        token: 'no',
        to: '/v1/auth/password/forgot',
        fields: input('email', 'E-mail address', 'email', 'username'),
        button: 'Send me a link',
        done: 'If this address has an account, a link is on its way to it.',
        next: 'mailbox',
      },
      {
        token: 'yes',
        to: '/v1/auth/password/reset',
        fields: newPassword(minLength),
        button: 'Save the new password',
        done: '',
        secondFactor: 'Your password is changed. Sign in with it.',
      },
    ],
  },
  {
    method: 'GET',
    path: '/v1/pages/verify-email',
    title: 'Confirm your e-mail address',
    text: 'One more step, and we know that this address is yours.',
    forms: [
      {
        token: 'yes',
        to: '/v1/auth/email/verify',
        fields: proof,
        button: 'Confirm',
        done: 'Your address is confirmed.',
        next: 'home',
        secondFactor: 'Your address is confirmed. Sign in now.',
      },
    ],
  },
  {
    method: 'GET',
    path: '/v1/pages/sign-in-link',
    title: 'Sign in',
    text: 'You opened a sign-in link.',
    forms: [
      {
        token: 'yes',
        to: '/v1/auth/magic-link/verify',
        fields: html``,
        button: 'Sign in',
        done: '',
        secondFactor: 'This account has a second factor for which this page cannot ask. Sign in with your passkey.',
      },
      {
        token: 'second',
        to: '/v1/auth/mfa/challenge',
        fields: input('code', 'Code', 'text', 'one-time-code', codeHint),
        button: 'Go on',
        done: '',
      },
    ],
  },
  {
    method: 'GET',
    path: '/v1/pages/confirm-email',
    title: 'Confirm your new e-mail address',
    text: 'This is going to be the address of your account.',
    forms: [
      {
        token: 'yes',
        to: '/v1/auth/email/confirm',
        fields: proof,
        button: 'Confirm',
        done: 'Your address is changed.',
        next: 'home',
      },
    ],
  },
  {
    method: 'GET',
    path: '/v1/pages/undo',
    title: 'Take your account back',
    text: 'The account gets back the address to which we mailed you, what was added to it since is removed, everybody is signed out, and the password stops working.',
    forms: [
      {
        token: 'yes',
        to: '/v1/auth/email/undo',
        fields: html``,
        button: 'Take it back',
        done: 'The account is yours again. We have mailed you a link for a new password.',
        next: 'mailbox',
      },
    ],
  },
]

/**
 * Small pages for what mails link to. They work without a bundler, hold no state, and get the token from the fragment, which is
 * sent to no server. A host puts its own in their place with `pages`.
 */
export function pageRoutes({
  settings,
  minLength,
  mailbox,
}: {
  settings: Pick<CoreSettings, 'mountPath' | 'pages' | 'publicBaseUrl'>
  /** Least number of characters of a password. */
  minLength: number
  mailbox: Mailbox | null
}): Route[] {
  const base = settings.mountPath
  const next: Record<Next, Html | null> = {
    home: html`<a href="${settings.publicBaseUrl.origin}">Go on</a>`,
    mailbox: mailbox === null ? null : html`<a href="${base}/v1/dev/mailbox">Open the mailbox</a>`,
  }
  const data = (signIn: string) =>
    html` data-sign-in="${signIn}" data-incomplete="The link is not complete. Open it again from the mail." data-bad-link="This link is not good any more. It works once, and not for ever." data-unreachable="There was no answer. Try again." data-wrong-code="This code is not right, or was used already."`

  const asset = ({ type, text, ...where }: { method: 'GET'; path: string; type: string; text: string }) =>
    route({
      ...where,
      auth: 'none',
      needsDatabase: false,
      cacheControl: 'public, max-age=300',
      output: { 200: null },
      errors: [],
      handle: () => ({ status: 200, content: { type, text } }),
    })

  const served = pagesOf(minLength).map(({ method, path, title, text, forms }) => {
    const lead = text === '' ? html`` : html`<p data-lead>${text}</p>`
    const body = join(forms.map((form) => formHtml(base, form, form.next === undefined ? null : next[form.next])))
    return route({
      method,
      path,
      auth: 'none',
      needsDatabase: false,
      output: { 200: null },
      errors: [],
      handle() {
        const signIn = settings.pages.signIn().href
        const main = html`<main>
<h1>${title}</h1>
${lead}
<p role="status" aria-live="polite"></p>
${body}
<noscript><p>This page needs JavaScript.</p></noscript>
<p class="back"><a href="${signIn}">Back to sign-in</a></p>
</main>`
        return pageReply({ title, body: main, base, data: data(signIn) })
      },
    })
  })

  return [
    ...served,
    asset({ method: 'GET', path: '/v1/pages/page.js', type: 'text/javascript; charset=utf-8', text: script }),
    asset({ method: 'GET', path: '/v1/pages/page.css', type: 'text/css; charset=utf-8', text: style }),
    ...(mailbox === null ? [] : [mailboxRoute(mailbox, base)]),
  ]
}

/** The browser client, for pages without a bundler. It is the same for everybody, so pages of any origin may load it. */
export function clientRoutes(): Route[] {
  const file = createClientFile()
  return [
    route({
      method: 'GET',
      path: '/v1/client.js',
      auth: 'none',
      needsDatabase: false,
      cors: 'anyone',
      cacheControl: 'public, max-age=300',
      output: { 200: null },
      errors: [],
      async handle() {
        const { text, etag } = await file()
        return { status: 200, content: { type: 'text/javascript; charset=utf-8', text }, headers: { ETag: etag } }
      },
    }),
  ]
}

function formHtml(base: string, form: Form, next: Html | null): Html {
  const { token, to, fields, button, done, secondFactor = '' } = form
  return html`<form data-token="${token}" data-to="${base}${to}" data-done="${done}" data-second-factor="${secondFactor}" hidden>
${fields}
<button>${button}</button>
</form>
${next === null ? html`` : html`<p data-next hidden>${next}</p>`}`
}

/** Development only: what would have been mailed, newest first. */
function mailboxRoute(mailbox: Mailbox, base: string): Route {
  return route({
    method: 'GET',
    path: '/v1/dev/mailbox',
    auth: 'none',
    output: { 200: null },
    errors: [],
    handle() {
      const mails = mailbox.mails.map(
        ({ subject, to, text, sentAt }) =>
          html`<article><h2>${subject}</h2><p>To ${to}, ${sentAt.toISOString()}</p><pre>${linked(text)}</pre></article>`,
      )
      const list = mails.length === 0 ? html`<p>No mail yet. Reload this page.</p>` : join(mails)
      const body = html`<main class="wide"><h1>Mail that was not sent</h1>
<p>No SMTP server is configured, so mail ends here. This page exists in development only.</p>${list}<p role="status"></p></main>`
      return pageReply({ title: 'Mailbox', body, base })
    },
  })
}

function linked(text: string): Html {
  return join(
    text
      .split(/(https?:\/\/\S+)/)
      .map((part, index) => (index % 2 === 1 ? html`<a href="${part}">${part}</a>` : html`${part}`)),
  )
}

function join(parts: readonly Html[]): Html {
  return parts.reduce((whole, part) => html`${whole}${part}`, html``)
}
