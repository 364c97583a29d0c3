import type { CoreSettings } from '../../core/config/settings.js'
import { type Route, route } from '../../core/http/route.js'
import { type Html, html } from '../../core/mail/html.js'
import type { Mailbox } from '../../core/mail/mailbox.js'
import { createClientFile } from './client-file.js'
import { pageReply } from './page.js'
import { script, style } from './script.js'

/** The link that a page shows after its form was accepted. */
type Next = 'home' | 'mailbox'

interface Form {
  /** The form is visible if the page was opened with a token, without a token, or after a sign-in that needs a second factor. */
  token: 'yes' | 'no' | 'second'
  /** Path of its route, without the mount path. */
  to: string
  fields: Html
  button: string
  /** Text after the form was accepted. */
  done: string
  next?: Next
  /** Text after the form was accepted, if the sign-in needs a second factor and this page has no form for it. */
  secondFactor?: string
}

const input = (name: string, label: string, type: string, autocomplete: string, hint?: string) =>
  html`<label for="${name}">${label}</label><input id="${name}" name="${name}" type="${type}" autocomplete="${autocomplete}" required${
    hint === undefined ? html`>` : html` aria-describedby="${name}-hint"><p class="hint" id="${name}-hint">${hint}</p>`
  }`

const newPassword = (minLength: number) =>
  input('new_password', 'New password', 'password', 'new-password', `At least ${minLength} characters.`)

const codeHint = 'Six digits from your authenticator app, or a recovery code.'

/** Visible only if there is no session of the user. */
const proof = html`<div data-proof="Enter your password to confirm that this account is yours." hidden>
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
        done: 'If this address has an account, we have sent it a link.',
        next: 'mailbox',
      },
      {
        token: 'yes',
        to: '/v1/auth/password/reset',
        fields: newPassword(minLength),
        button: 'Save the new password',
        done: '',
        secondFactor: 'Your password was changed. Sign in with the new password.',
      },
    ],
  },
  {
    method: 'GET',
    path: '/v1/pages/verify-email',
    title: 'Confirm your e-mail address',
    text: 'Confirm that this e-mail address is yours.',
    forms: [
      {
        token: 'yes',
        to: '/v1/auth/email/verify',
        fields: proof,
        button: 'Confirm',
        done: 'Your address was confirmed.',
        next: 'home',
        secondFactor: 'Your address was confirmed. Sign in now.',
      },
    ],
  },
  {
    method: 'GET',
    path: '/v1/pages/sign-in-link',
    title: 'Sign in',
    text: 'Press the button to sign in.',
    forms: [
      {
        token: 'yes',
        to: '/v1/auth/magic-link/verify',
        fields: html``,
        button: 'Sign in',
        done: '',
        secondFactor: 'This account needs a passkey, which this page does not support. Sign in with your passkey.',
      },
      {
        token: 'second',
        to: '/v1/auth/mfa/challenge',
        fields: input('code', 'Code', 'text', 'one-time-code', codeHint),
        button: 'Continue',
        done: '',
      },
    ],
  },
  {
    method: 'GET',
    path: '/v1/pages/confirm-email',
    title: 'Confirm your new e-mail address',
    text: 'Confirm that this is the new address of your account.',
    forms: [
      {
        token: 'yes',
        to: '/v1/auth/email/confirm',
        fields: proof,
        button: 'Confirm',
        done: 'Your address was changed.',
        next: 'home',
      },
    ],
  },
  {
    method: 'GET',
    path: '/v1/pages/undo',
    title: 'Restore your account',
    text: 'This restores your old e-mail address, removes passkeys and authenticator apps that were added since, signs out all devices, and disables the password.',
    forms: [
      {
        token: 'yes',
        to: '/v1/auth/email/undo',
        fields: html``,
        button: 'Restore my account',
        done: 'Your account was restored. We have sent you a link to choose a new password.',
        next: 'mailbox',
      },
    ],
  },
]

/**
 * Built-in pages for links in mails. They read the token from the fragment, which browsers do not send to servers. Hosts replace
 * them with the option `pages`.
 */
export function pageRoutes({
  settings,
  minLength,
  mailbox,
}: {
  settings: Pick<CoreSettings, 'mountPath' | 'pages' | 'publicBaseUrl'>
  /** Minimum number of characters of a password. */
  minLength: number
  mailbox: Mailbox | null
}): Route[] {
  const base = settings.mountPath
  const next: Record<Next, Html | null> = {
    home: html`<a href="${settings.publicBaseUrl.origin}">Continue</a>`,
    mailbox: mailbox === null ? null : html`<a href="${base}/v1/dev/mailbox">Open the mailbox</a>`,
  }
  const data = (signIn: string) =>
    html` data-sign-in="${signIn}" data-incomplete="The link is incomplete. Open it again from the mail." data-bad-link="This link has expired or was already used." data-unreachable="The server did not answer. Try again." data-wrong-code="This code is wrong or was already used."`

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

/** The browser client, for pages without a bundler. It is public, so pages of any origin may load it. */
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

/** Development only: captured mails, newest first. */
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
      const body = html`<main class="wide"><h1>Captured mail</h1>
<p>No mailer is configured, so mail is not sent. This page exists only in development.</p>${list}<p role="status"></p></main>`
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
