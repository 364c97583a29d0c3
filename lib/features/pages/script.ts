/**
 * The script of all pages. It reads the token from the fragment and removes it from the address, shows the matching form, and sends
 * it as JSON. All texts are in the page.
 */
export const script = `'use strict'
const token = /[#&]token=([\\w-]+)/.exec(location.hash)?.[1] ?? null
if (token !== null) history.replaceState(null, '', location.pathname + location.search)

const status = document.querySelector('[role=status]')
const forms = [...document.forms]
const current = forms.find(({ dataset }) => dataset.token === (token === null ? 'no' : 'yes'))
if (current) current.hidden = false
else status.textContent = document.body.dataset.incomplete

for (const form of forms) {
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    const button = form.querySelector('button')
    button.disabled = true
    status.textContent = ''
    try {
      await submit(form)
    } catch {
      status.textContent = document.body.dataset.unreachable
    } finally {
      button.disabled = false
    }
  })
}

/** Set after a sign-in that needs a second factor. */
let mfaToken = null

async function submit(form) {
  const body = form.dataset.token === 'yes' ? { token } : {}
  if (form.dataset.token === 'second') body.mfa_token = mfaToken
  for (const field of form.elements) {
    if (field.name && !field.closest('[hidden]')) body[field.name] = field.value
  }
  if (body.code && !/^\\d{6}$/.test(body.code)) {
    body.recovery_code = body.code
    delete body.code
  }
  const csrf = /(?:^|; )(?:__Host-)?identsphere_csrf=([^;]*)/.exec(document.cookie)?.[1]
  const headers = { 'Content-Type': 'application/json' }
  if (csrf) headers['X-IdentSphere-CSRF'] = csrf
  const answer = await fetch(form.dataset.to, { method: 'POST', headers, body: JSON.stringify(body) })
  const text = await answer.text()
  const content = text === '' ? {} : JSON.parse(text)
  if (answer.ok) {
    if (content.status === 'success') location.assign(document.body.dataset.signIn)
    else if (content.status === 'mfa_required') askForSecondFactor(form, content)
    else finish(form, form.dataset.done)
    return
  }
  const { code, message, details } = content.error
  const proof = form.querySelector('[data-proof]')
  if (code === 'reauthentication_required' && proof) {
    proof.hidden = false
    proof.querySelector('input').required = true
    proof.querySelector('input').focus()
    status.textContent = proof.dataset.proof
    return
  }
  if (code === 'invalid_credentials' && form.dataset.token === 'second') {
    status.textContent = document.body.dataset.wrongCode
    return
  }
  if (code === 'invalid_credentials' && !(proof && !proof.hidden)) {
    form.hidden = true
    const another = forms.find(({ dataset }) => dataset.token === 'no')
    if (another) another.hidden = false
    status.textContent = document.body.dataset.badLink
    return
  }
  status.textContent = details?.[0]?.message ?? message
}

/** Shows the form for the code. Pages without such a form show a text with a link to the sign-in page. */
function askForSecondFactor(form, { mfa_token, methods }) {
  const second = forms.find(({ dataset }) => dataset.token === 'second')
  if (!second || !methods.includes('totp')) {
    finish(form, form.dataset.secondFactor)
    return
  }
  mfaToken = mfa_token
  form.hidden = true
  for (const lead of document.querySelectorAll('[data-lead]')) lead.hidden = true
  second.hidden = false
  second.elements.code.focus()
}

/** Shows the result and the next link. */
function finish(form, text) {
  form.hidden = true
  for (const lead of document.querySelectorAll('[data-lead]')) lead.hidden = true
  status.textContent = text
  if (form.nextElementSibling?.matches('[data-next]')) form.nextElementSibling.hidden = false
}
`

export const style = `:root { color-scheme: light dark; --line: #8884; --accent: #2457d6 }
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; font: 16px/1.5 system-ui, sans-serif }
main { width: min(26rem, 100vw - 2rem); padding: 2rem; border: 1px solid var(--line); border-radius: 12px; overflow-wrap: anywhere }
h1 { margin: 0 0 1rem; font-size: 1.4rem; line-height: 1.25 }
p { margin: 0 0 1rem }
label { display: block; margin: 0 0 .25rem; font-weight: 600 }
input { width: 100%; margin: 0 0 1rem; padding: .6rem .75rem; font: inherit; border: 1px solid var(--line); border-radius: 8px }
a { color: inherit }
.hint { margin: -.75rem 0 1rem; font-size: .875rem; opacity: .8 }
.back { margin: 1.5rem 0 0; font-size: .875rem }
button { width: 100%; padding: .65rem; font: inherit; font-weight: 600; color: #fff; background: var(--accent); border: 0; border-radius: 8px; cursor: pointer }
button:disabled { opacity: .6; cursor: default }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
[role=status] { margin: 0 0 1rem }
[role=status]:empty { display: none }
[hidden] { display: none }
article { margin: 0 0 1.5rem; padding: 0 0 1rem; border-bottom: 1px solid var(--line) }
h2 { margin: 0 0 .25rem; font-size: 1.1rem }
pre { white-space: pre-wrap; font: inherit }
.wide { width: min(44rem, 100vw - 2rem); align-self: start; margin: 1rem 0 }
`
