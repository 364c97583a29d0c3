import { call, client } from '/client.js'

const element = (id) => document.getElementById(id)

/** After a load, when no CSRF token is known yet, by way of the API: back here with a new access token, or to the sign-in page. */
const resume = () => location.replace(client.resumeUrl(location.href))

/** Shows what the answer says. A session that has ended leads to the sign-in page. */
async function show(method) {
  const response = await call('/visits', { method })
  const body = await response.json()
  if (response.status === 401) resume()
  else if (response.ok) element('count').textContent = body.count
  else element('message').textContent = body.error.message
}

const session = await client.session()
if (session === null) {
  resume()
} else {
  element('email').textContent = session.user.email
  await show('GET')
  document.querySelector('main').hidden = false
}

element('visit').addEventListener('click', () => show('POST'))
element('sign-out').addEventListener('click', async () => {
  await client.signOut()
  location.assign('/sign-in')
})
