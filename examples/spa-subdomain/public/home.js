import { call, resume } from '/api.js'

const element = (id) => document.getElementById(id)

/** Shows what the answer says. A session that has ended leads to the sign-in page. */
async function show(method) {
  const { status, body } = await call(method, '/visits')
  if (status === 401) resume()
  else if (status < 300) element('count').textContent = body.count
  else element('message').textContent = body.error.message
}

const session = await call('GET', '/v1/auth/session')
if (session.status === 401) {
  resume()
} else if (session.status === 200) {
  element('email').textContent = session.body.user.email
  await show('GET')
  document.querySelector('main').hidden = false
}

element('visit').addEventListener('click', () => show('POST'))
element('sign-out').addEventListener('click', async () => {
  await call('POST', '/v1/auth/logout')
  location.assign('/sign-in')
})
