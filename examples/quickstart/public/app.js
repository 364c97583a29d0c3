import { createClient, IdentSphereClientError } from '/v1/client.js'

const client = createClient({ onStepUp: stepUp })

const $ = (selector, root = document) => root.querySelector(selector)

const forms = {
  register: $('#register'),
  signIn: $('#sign-in-form'),
  password: $('#password'),
  note: $('#note'),
  secondStep: $('#second-step'),
  setUp: $('#mfa-setup'),
  prove: $('#prove-form'),
}

// Signed out

forms.register.addEventListener('submit', (event) =>
  submit(event, async (fields) => {
    await client.signUp(fields)
    await start()
  }),
)

forms.signIn.addEventListener('submit', (event) =>
  submit(event, async (fields) => {
    const answer = await client.signIn.password(fields)
    if (answer.status === 'mfa_required') showSecondStep(answer)
    else await start()
  }),
)

$('#passkey-sign-in').addEventListener('click', ({ currentTarget }) =>
  attempt(currentTarget, async () => {
    await client.passkeys.signIn()
    await start()
  }),
)

/** The answer to the password, if the account has a second factor. */
let challenge

function showSecondStep(answer) {
  challenge = answer
  forms.signIn.hidden = true
  forms.secondStep.hidden = false
  $('#passkey-challenge').hidden = !answer.methods.includes('passkey')
  announce('')
  $('input', forms.secondStep).focus()
}

/** After the second step. Trusts this browser if the user chose that. A recovery code does not allow it. */
async function passSecondStep(mayTrust) {
  const isTrusted = forms.secondStep.elements.trust.checked
  await start()
  if (!isTrusted) return
  if (!mayTrust) {
    announce('You are signed in. With a recovery code, this browser cannot be trusted.', 'bad')
    return
  }
  await attempt(forms.secondStep, async () => {
    await client.trustedBrowsers.add({ label: deviceOf(navigator.userAgent).name })
    announce('This browser is trusted.')
  })
}

forms.secondStep.addEventListener('submit', (event) =>
  submit(event, async ({ code }) => {
    const { mfa_token } = challenge
    const isOfApp = /^\d{6}$/.test(code)
    await client.mfa.challenge(isOfApp ? { mfa_token, code } : { mfa_token, recovery_code: code })
    await passSecondStep(isOfApp)
  }),
)

$('#passkey-challenge').addEventListener('click', ({ currentTarget }) =>
  attempt(currentTarget, async () => {
    await client.passkeys.challenge(challenge.mfa_token)
    await passSecondStep(true)
  }),
)

$('#second-step-back').addEventListener('click', (event) => {
  event.preventDefault()
  $('h2', showWelcome()).focus()
})

/** Shows the sign-in form for `#sign-in`, and the registration form otherwise. Returns the form. */
function showWelcome(message = '') {
  const isSignIn = location.hash === '#sign-in'
  const form = isSignIn ? forms.signIn : forms.register
  forms.register.hidden = isSignIn
  forms.signIn.hidden = !isSignIn
  forms.secondStep.hidden = true
  challenge = undefined
  if ($('#prove').open) $('#prove').close()
  $('#home').hidden = true
  $('#account').hidden = true
  $('#welcome').hidden = false
  clearUserData()
  announce(message)
  if (isSignIn) offerPasskeys()
  return form
}

/** Offers passkeys in the autofill of the address, and by a button. */
async function offerPasskeys() {
  $('#passkey-sign-in').hidden = !client.passkeys.isSupported()
  const chosen = await client.passkeys.autofill().catch((error) => announce(textOf(error), 'bad'))
  if (chosen) await attempt(forms.signIn, start)
}

addEventListener('hashchange', () => {
  if (!$('#welcome').hidden) $('h2', showWelcome()).focus()
})

/** Removes the data of the last user from the page. */
function clearUserData() {
  for (const form of Object.values(forms)) {
    form.reset()
    clearErrors(form)
  }
  clearSecret()
  const texts = [
    '#greeting',
    '#account-email',
    '#who-initials',
    '#who-name',
    '#who-email',
    '#who-role',
    '#session-count',
    '#mfa-state',
    '#mfa-text',
  ]
  for (const place of document.querySelectorAll(
    [...texts, '#who-facts', '#sessions', '#passkeys', '#recovery-codes', '.answer'].join(),
  )) {
    place.replaceChildren()
  }
}

// Signed in

/** Shows the home page of the signed-in user, or the welcome page. */
async function start() {
  const session = await client.session()
  if (session === null) showWelcome($('#notice').textContent)
  else await showHome(session)
}

async function showHome(session) {
  const [sessions, status, passkeys] = await Promise.all([
    client.sessions.list(),
    client.mfa.status(),
    client.passkeys.list(),
  ])
  for (const form of [forms.register, forms.signIn, forms.secondStep]) form.reset()
  describeUser(session)
  describeSessions(sessions)
  describeMfa(status)
  describePasskeys(passkeys)
  $('#welcome').hidden = true
  $('#home').hidden = false
  $('#account').hidden = false
  announce('')
  if (location.hash !== '') history.replaceState(null, '', location.pathname)
  $('#greeting').focus()
}

function describeUser({ user, session, capabilities }) {
  const name = user.display_name || user.email
  const permissions = capabilities.permissions.map((permission) => element('span.chip', permission))
  $('#greeting').textContent = `Hello, ${name.split(' ')[0]}`
  $('#account-email').textContent = user.email
  $('#password-username').value = user.email
  $('#who-name').textContent = name
  $('#who-email').textContent = user.email
  $('#who-role').textContent = capabilities.role ?? 'no organization'
  $('#who-initials').textContent = initialsOf(name)
  $('#unverified').hidden = user.email_verified
  $('#who-facts').replaceChildren(
    ...fact('Signed in', `${ago(session.created_at)}, by ${user.auth_method.replaceAll('_', ' ')}`),
    ...fact('Session ends', date(session.expires_at)),
    ...fact('E-mail', user.email_verified ? 'confirmed' : 'not confirmed yet'),
    ...fact('Organization', element('code', user.organization_id ?? 'none')),
    ...fact('Permissions', element('span.chips', ...permissions)),
  )
}

async function refreshHome() {
  const [session, sessions] = await Promise.all([client.session(), client.sessions.list()])
  if (session === null) return start()
  describeUser(session)
  describeSessions(sessions)
}

async function refreshSessions() {
  describeSessions(await client.sessions.list())
}

function describeSessions(sessions) {
  const ordered = [...sessions].sort((a, b) => b.current - a.current || (a.last_seen_at < b.last_seen_at ? 1 : -1))
  $('#sessions').replaceChildren(...ordered.map(sessionItem))
  $('#session-count').textContent = sessions.length === 1 ? '1 session' : `${sessions.length} sessions`
  $('#sign-out-others').disabled = sessions.length < 2
}

function sessionItem(session) {
  const item = $('#session-template').content.firstElementChild.cloneNode(true)
  const device = deviceOf(session.user_agent ?? '')
  const button = $('button', item)
  $('use', item).setAttribute('href', `#icon-${device.icon}`)
  $('strong', item).textContent = device.name
  const seen = session.current ? 'now' : ago(session.last_seen_at)
  $('.session-times', item).textContent = `Signed in ${ago(session.created_at)} · active ${seen}`
  $('.session-place', item).textContent = session.ip_address ?? ''
  $('.chip', item).hidden = !session.current
  button.hidden = session.current
  button.setAttribute('aria-label', `Sign out ${device.name}, signed in ${ago(session.created_at)}`)
  button.addEventListener('click', () =>
    attempt(button, async () => {
      await client.sessions.revoke(session.id)
      await refreshSessions()
      announce(`${device.name} is signed out.`)
      $('#sessions-title').focus()
    }),
  )
  return item
}

$('#sign-out-others').addEventListener('click', ({ currentTarget }) =>
  attempt(currentTarget, async () => {
    await client.sessions.revokeOthers()
    await refreshSessions()
    announce('You are signed out everywhere else.')
    $('#sessions-title').focus()
  }),
)

$('#resend').addEventListener('click', ({ currentTarget }) =>
  attempt(currentTarget, async () => {
    await client.email.requestVerification()
    announce('A new link is in the mailbox.')
  }),
)

$('#sign-out').addEventListener('click', ({ currentTarget }) => attempt(currentTarget, () => client.signOut()))

forms.password.addEventListener('submit', (event) =>
  submit(event, async ({ current_password, new_password, sign_out_other_sessions }) => {
    const body = { current_password, new_password, sign_out_other_sessions: sign_out_other_sessions === 'on' }
    await client.password.change(body)
    forms.password.reset()
    await refreshSessions()
    announce('Your password was changed.')
  }),
)

// The authenticator app

function describeMfa({ enabled, recovery_codes_left }) {
  $('#mfa-state').textContent = enabled ? 'on' : 'off'
  $('#mfa-text').textContent = enabled
    ? `Sign-ins ask for a code. You have ${recovery_codes_left} recovery codes left.`
    : 'With an app, sign-ins also ask for a code. A stolen password is then not enough.'
  $('#mfa-start').textContent = enabled ? 'Replace the app' : 'Set up an app'
  $('#mfa-renew').hidden = $('#mfa-disable').hidden = !enabled
  $('#mfa-buttons').hidden = false
  $('#mfa-setup').hidden = $('#recovery').hidden = true
  clearSecret()
}

function clearSecret() {
  $('#mfa-secret').textContent = ''
  $('#mfa-qr').width = 0
}

async function refreshMfa() {
  describeMfa(await client.mfa.status())
}

$('#mfa-start').addEventListener('click', ({ currentTarget }) =>
  attempt(currentTarget, async () => {
    const { secret, qr_code_base64 } = await client.mfa.setup()
    $('#mfa-secret').textContent = secret
    await drawPicture($('#mfa-qr'), qr_code_base64)
    $('#mfa-buttons').hidden = true
    forms.setUp.hidden = false
    $('input', forms.setUp).focus()
  }),
)

/** Draws on a canvas, because the page's Content-Security-Policy allows no `data:` images. */
async function drawPicture(canvas, base64) {
  const octets = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
  const picture = await createImageBitmap(new Blob([octets], { type: 'image/png' }))
  canvas.width = picture.width
  canvas.height = picture.height
  canvas.getContext('2d').drawImage(picture, 0, 0)
}

forms.setUp.addEventListener('submit', (event) =>
  submit(event, async ({ code }) => {
    const { recovery_codes } = await client.mfa.enable(code)
    forms.setUp.reset()
    await refreshMfa()
    showRecoveryCodes(recovery_codes)
    announce('Sign-ins now ask for a code.')
  }),
)

function showRecoveryCodes(codes) {
  $('#recovery-codes').replaceChildren(...codes.map((code) => element('li', code)))
  $('#recovery').hidden = false
  $('#mfa-buttons').hidden = true
  $('#mfa-title').focus()
}

$('#recovery-copy').addEventListener('click', ({ currentTarget }) =>
  attempt(currentTarget, async () => {
    const codes = [...$('#recovery-codes').children].map((item) => item.textContent)
    await navigator.clipboard.writeText(codes.join('\n'))
    announce('The recovery codes are copied.')
  }),
)

$('#recovery-saved').addEventListener('click', () => {
  $('#recovery-codes').replaceChildren()
  $('#recovery').hidden = true
  $('#mfa-buttons').hidden = false
  $('#mfa-title').focus()
})

$('#mfa-renew').addEventListener('click', ({ currentTarget }) =>
  attempt(currentTarget, async () => {
    const password = await askForPassword()
    if (password === null) return
    const codes = await client.mfa.recoveryCodes(password)
    await refreshMfa()
    showRecoveryCodes(codes)
  }),
)

$('#mfa-disable').addEventListener('click', ({ currentTarget }) =>
  attempt(currentTarget, async () => {
    const password = await askForPassword()
    if (password === null) return
    await client.mfa.disable(password)
    await refreshMfa()
    announce('Sign-ins now ask for the password only.')
  }),
)

// Passkeys

async function refreshPasskeys() {
  describePasskeys(await client.passkeys.list())
}

function describePasskeys(passkeys) {
  $('#passkeys').replaceChildren(...passkeys.map(passkeyItem))
  $('#passkeys-none').hidden = passkeys.length > 0
  $('#passkey-add').hidden = !client.passkeys.isSupported()
}

function passkeyItem({ id, label, created_at, last_used_at }) {
  const item = $('#passkey-template').content.firstElementChild.cloneNode(true)
  const name = label ?? 'Passkey'
  const button = $('button', item)
  $('strong', item).textContent = name
  const used = last_used_at === null ? 'not used yet' : `used ${ago(last_used_at)}`
  $('.session-times', item).textContent = `Added ${ago(created_at)} · ${used}`
  button.setAttribute('aria-label', `Remove the passkey ${name}`)
  button.addEventListener('click', () =>
    attempt(button, async () => {
      await client.passkeys.remove(id)
      await refreshPasskeys()
      announce('The passkey is removed.')
      $('#passkeys-title').focus()
    }),
  )
  return item
}

$('#passkey-add').addEventListener('click', ({ currentTarget }) =>
  attempt(currentTarget, async () => {
    await client.passkeys.register({ label: deviceOf(navigator.userAgent).name })
    await refreshPasskeys()
    announce('You can sign in with this passkey now.')
  }),
)

// Step-up

/** Called by the client if a guard, or a change of factors, needs a new proof of identity. */
async function stepUp({ code, details }) {
  if (code === 'reauthentication_required') {
    return prove(['password'], ({ password }) => client.reauthenticate({ password, ...details }))
  }
  if (!details.enrolled) {
    announce('Set up an authenticator app or a passkey first.', 'bad')
    return false
  }
  return prove(details.methods, ({ code }) => (code === undefined ? client.passkeys.verify() : client.mfa.verify(code)))
}

async function askForPassword() {
  let given = null
  await prove(['password'], async ({ password }) => {
    given = password
  })
  return given
}

/** Time for which the dialog was open. It is subtracted from the time of an answer. */
let dialogMilliseconds = 0

/** Opens the dialog for one of these methods. Resolves to true after a right proof, and to false after Cancel. */
function prove(methods, attemptProof) {
  const dialog = $('#prove')
  const form = forms.prove
  const wants = (method, selector) => {
    const field = $(selector)
    field.hidden = !methods.includes(method)
    $('input', field).required = !field.hidden
  }
  wants('password', '#prove-password-field')
  wants('totp', '#prove-code-field')
  $('#prove-submit').hidden = !methods.includes('password') && !methods.includes('totp')
  $('#prove-passkey').hidden = !methods.includes('passkey')
  form.dataset.wrong = methods.includes('password') ? 'The password is wrong.' : $('#second-step').dataset.wrong
  form.reset()
  clearErrors(form)
  announce('')
  dialog.showModal()
  const opened = performance.now()

  return new Promise((resolve) => {
    const ended = new AbortController()
    const { signal } = ended
    let isProven = false
    async function attemptWith(fields) {
      await attemptProof(fields)
      isProven = true
      dialog.close()
    }
    const onSubmit = (event) => {
      const { password, code } = Object.fromEntries(new FormData(form))
      submit(event, () => attemptWith(methods.includes('password') ? { password } : { code }))
    }
    form.addEventListener('submit', onSubmit, { signal })
    $('#prove-passkey').addEventListener(
      'click',
      ({ currentTarget }) => busy(currentTarget, () => attemptWith({}).catch((error) => showErrors(form, error))),
      { signal },
    )
    $('#prove-cancel').addEventListener('click', () => dialog.close(), { signal })
    dialog.addEventListener(
      'close',
      () => {
        ended.abort()
        dialogMilliseconds += performance.now() - opened
        form.reset()
        resolve(isProven)
      },
      { signal },
    )
  })
}

/** Shows the sign-in form and focuses its heading. */
function showSignIn(message) {
  history.replaceState(null, '', '#sign-in')
  $('h2', showWelcome(message)).focus()
}

// Each tab shows changes of the session that happen in any tab.
client.onChange(({ type, here }) => {
  if (type === 'signed_out') showSignIn('You are signed out.')
  else if (type === 'session_ended') showSignIn('This session has ended. Sign in again.')
  else if (!here) attempt($('#main'), start)
})

// A tab that comes to the foreground loads the current data.
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible' && !$('#home').hidden) attempt($('#home'), refreshHome)
})

// The application's own routes

for (const item of document.querySelectorAll('.call')) {
  const { method, path } = item.dataset
  const place = $('.answer', item)
  $('button[type=button]', item)?.addEventListener('click', ({ currentTarget }) =>
    attempt(currentTarget, () => showAnswer(place, method, path)),
  )
}

forms.note.addEventListener('submit', (event) => {
  event.preventDefault()
  const { text, forged } = forms.note.elements
  attempt(event.submitter ?? forms.note, async () => {
    const place = $('.answer', forms.note.parentElement)
    const headers = { 'Content-Type': 'application/json', ...(forged.checked ? { 'X-IdentSphere-CSRF': '' } : {}) }
    const status = await showAnswer(place, 'POST', '/api/notes', {
      headers,
      body: JSON.stringify({ text: text.value }),
    })
    if (status === 201) text.value = ''
  })
})

async function showAnswer(place, method, path, init) {
  const started = performance.now() - dialogMilliseconds
  const response = await client.fetch(path, { method, ...init })
  const milliseconds = Math.round(performance.now() - dialogMilliseconds - started)
  const answer = { status: response.status, body: await response.json() }
  if (answer.body.error?.code === 'authentication_required') return start()
  const isGood = response.ok
  place.replaceChildren(
    element(
      'div.answer-head',
      element(isGood ? 'span.status.good' : 'span.status.bad', statusText(answer.status)),
      element('span.dim', `${milliseconds} ms`),
    ),
    isGood ? readable(answer.body) : refusal(answer.body?.error),
    element('details', element('summary', 'JSON'), element('pre', JSON.stringify(answer.body, null, 2))),
  )
  return answer.status
}

function refusal(error) {
  return element('p.refusal', error?.message ?? 'No reason given.', ' ', element('code', error?.code ?? 'unknown'))
}

/** Shows plain values as a list of terms, and lists as tables. */
function readable(body) {
  const entries = Object.entries(body ?? {})
  const facts = entries.filter(([, value]) => !Array.isArray(value))
  const lists = entries.filter(([, value]) => Array.isArray(value) && value.length > 0)
  return element(
    'div',
    ...(facts.length > 0
      ? [element('dl.facts', ...facts.flatMap(([name, value]) => fact(name, display(name, value))))]
      : []),
    ...lists.map(([name, rows]) => table(title(name), rows)),
  )
}

function table(caption, rows) {
  const names = Object.keys(rows[0])
  const kind = (name) => (typeof rows[0][name] === 'number' ? '.number' : '')
  const heading = (name) => Object.assign(element(`th${kind(name)}`, title(name)), { scope: 'col' })
  const cell = (name, row) => element(`td${kind(name)}`, row[name].toLocaleString('en'))
  const line = (row) => element('tr', ...names.map((name) => cell(name, row)))
  return element(
    'table',
    element('caption', caption),
    element('thead', element('tr', ...names.map(heading))),
    element('tbody', ...rows.map(line)),
  )
}

// Forms and errors

/** Sends the fields of a form, and shows errors next to the fields. */
async function submit(event, work) {
  event.preventDefault()
  const form = event.currentTarget
  clearErrors(form)
  if (!checkFields(form)) return
  const button = $('button[type=submit]', form)
  await busy(button, async () => {
    try {
      await work(Object.fromEntries(new FormData(form)))
    } catch (error) {
      if (isSignedOut(error)) await start()
      else showErrors(form, error)
    }
  })
}

/** Runs the action of a button, and announces a failure. */
function attempt(control, work) {
  return busy(control, async () => {
    try {
      await work()
    } catch (error) {
      if (isSignedOut(error)) await start()
      else announce(textOf(error, control.dataset.wrong), 'bad')
    }
  })
}

/** Runs one action at a time: a second click during the first does nothing. */
async function busy(control, work) {
  if (control.getAttribute('aria-busy') === 'true') return
  control.setAttribute('aria-busy', 'true')
  try {
    await work()
  } finally {
    control.removeAttribute('aria-busy')
  }
}

function isSignedOut(error) {
  return error instanceof IdentSphereClientError && error.code === 'authentication_required'
}

/** Shows the browser's own messages for invalid fields. The server checks all rules again. */
function checkFields(form) {
  const wrong = [...form.elements].filter((field) => field.willValidate && !field.validity.valid)
  for (const field of wrong) markField(field, field.validationMessage)
  wrong[0]?.focus()
  return wrong.length === 0
}

function showErrors(form, error) {
  const fields = (Array.isArray(error.details) ? error.details : [])
    .map(({ path, message }) => ({ field: form.elements.namedItem(path), message }))
    .filter(({ field }) => field instanceof HTMLInputElement)
  for (const { field, message } of fields) markField(field, message)
  if (fields.length === 0) $('.form-error', form).textContent = textOf(error, form.dataset.wrong)
  else fields[0].field.focus()
}

function markField(field, message) {
  const [label] = field.labels
  field.setAttribute('aria-invalid', 'true')
  // A message is a sentence, or continues one that starts with the field's name: "is required".
  const isSentence = /^\P{Ll}/u.test(message)
  document.getElementById(`${field.id}-error`).textContent = isSentence ? message : `${label.textContent} ${message}.`
}

function clearErrors(form) {
  for (const field of form.querySelectorAll('[aria-invalid]')) field.removeAttribute('aria-invalid')
  for (const place of form.querySelectorAll('.field-error, .form-error')) place.textContent = ''
}

/** @param wrong the text for `invalid_credentials`, because the server does not say which credential is wrong */
function textOf(error, wrong) {
  if (wrong && error.code === 'invalid_credentials') return wrong
  if (error.name === 'NotAllowedError') return 'No passkey was used.'
  return error.retryAfterSeconds ? `${error.message} (${error.retryAfterSeconds} seconds)` : error.message
}

for (const button of document.querySelectorAll('.reveal')) {
  button.addEventListener('click', () => {
    const field = document.getElementById(button.getAttribute('aria-controls'))
    const isShown = field.type === 'password'
    field.type = isShown ? 'text' : 'password'
    button.setAttribute('aria-pressed', String(isShown))
    button.textContent = isShown ? 'Hide' : 'Show'
  })
}

let noticeTimer

/** Shows a message at the bottom of the page, also to screen readers. */
function announce(message, kind = 'good') {
  const notice = $('#notice')
  clearTimeout(noticeTimer)
  notice.textContent = message
  notice.className = message === '' ? 'notice' : `notice shown ${kind}`
  if (message !== '') noticeTimer = setTimeout(announce, 8_000, '')
}

// Texts and elements

function deviceOf(userAgent) {
  const find = (names) => names.find(([, pattern]) => pattern.test(userAgent))?.[0]
  const browser = find([
    ['Edge', /Edg\//],
    ['Opera', /OPR\//],
    ['Firefox', /Firefox\//],
    ['Chrome', /Chrom(e|ium)\//],
    ['Safari', /Safari\//],
    ['curl', /^curl\//],
  ])
  const system = find([
    ['Android', /Android/],
    ['iPhone', /iPhone/],
    ['iPad', /iPad/],
    ['macOS', /Mac OS X/],
    ['Windows', /Windows/],
    ['ChromeOS', /CrOS/],
    ['Linux', /Linux/],
  ])
  const isPhone = ['Android', 'iPhone', 'iPad'].includes(system)
  const name = [browser ?? 'Unknown client', system].filter(Boolean).join(' on ')
  return { name, icon: isPhone ? 'phone' : browser === 'curl' || !system ? 'terminal' : 'laptop' }
}

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })
const dates = new Intl.DateTimeFormat('en', { dateStyle: 'long' })

function ago(time) {
  const seconds = (Date.now() - Date.parse(time)) / 1000
  if (seconds < 45) return 'just now'
  if (seconds < 45 * 60) return relative.format(-Math.round(seconds / 60), 'minute')
  if (seconds < 22 * 3600) return relative.format(-Math.round(seconds / 3600), 'hour')
  return relative.format(-Math.round(seconds / 86_400), 'day')
}

function date(time) {
  return dates.format(new Date(time))
}

function initialsOf(name) {
  const words = name.split(/[\s@]+/).filter(Boolean)
  const letters = words.slice(0, 2).map((word) => [...word][0])
  return letters.join('').toUpperCase()
}

/** `active_members` → `Active members` */
function title(name) {
  const words = name.replaceAll('_', ' ')
  return words[0].toUpperCase() + words.slice(1)
}

function display(name, value) {
  return name.endsWith('_id') ? element('code', value) : String(value ?? '–')
}

function fact(term, description) {
  return [element('dt', term), element('dd', description)]
}

function statusText(status) {
  const names = { 200: 'OK', 201: 'Created', 400: 'Bad Request', 403: 'Forbidden', 429: 'Too Many Requests' }
  return [status, names[status]].filter(Boolean).join(' ')
}

/** `element('span.chip', 'owner')`. Text is never parsed as HTML. */
function element(description, ...children) {
  const [name, ...classes] = description.split('.')
  const node = document.createElement(name)
  node.className = classes.join(' ')
  node.append(...children)
  return node
}

// Start

start().catch((error) => {
  showWelcome()
  announce(textOf(error), 'bad')
})
