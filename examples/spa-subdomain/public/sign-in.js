import { call } from '/api.js'

/** A path of this page, whatever the address says. */
function target() {
  const wanted = new URL(new URLSearchParams(location.search).get('return_to') ?? '/', location.origin)
  return wanted.origin === location.origin ? wanted.href : '/'
}

document.querySelector('form').addEventListener('submit', async (event) => {
  event.preventDefault()
  const credentials = Object.fromEntries(new FormData(event.target))
  const isNew = event.submitter.value === 'register'
  const body = isNew ? { ...credentials, organization_name: 'Example Works' } : credentials
  const answer = await call('POST', `/v1/auth/${event.submitter.value}`, body)
  if (answer.status < 300) location.assign(target())
  else document.getElementById('message').textContent = answer.body.error.message
})
