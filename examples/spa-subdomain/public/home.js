import { call, client } from '/client.js'

const element = (id) => document.getElementById(id)

/** Redirects to the API, which renews the session and comes back, or goes to the sign-in page. Needed after a page load. */
const resume = () => location.replace(client.resumeUrl(location.href))

/** Calls the API and shows the answer. If the session has ended, goes to the sign-in page. */
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
