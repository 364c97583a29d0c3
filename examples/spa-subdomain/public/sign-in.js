import { client } from '/client.js'

/** The address in `return_to` if it is on this origin; else the home page. */
function target() {
  const wanted = new URL(new URLSearchParams(location.search).get('return_to') ?? '/', location.origin)
  return wanted.origin === location.origin ? wanted.href : '/'
}

document.querySelector('form').addEventListener('submit', async (event) => {
  event.preventDefault()
  const credentials = Object.fromEntries(new FormData(event.target))
  try {
    if (event.submitter.value === 'login') await client.signIn.password(credentials)
    else await client.signUp({ ...credentials, organization_name: 'Example Works' })
    location.assign(target())
  } catch (error) {
    document.getElementById('message').textContent = error.message
  }
})
