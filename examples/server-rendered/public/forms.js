const send = (path, body, csrf = '') =>
  fetch(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-IdentSphere-CSRF': csrf },
    body: JSON.stringify(body),
  })

/** The address in `return_to` if it is on this origin; else the home page. */
function target() {
  const wanted = new URL(new URLSearchParams(location.search).get('return_to') ?? '/', location.origin)
  return wanted.origin === location.origin ? wanted.href : '/'
}

for (const form of document.querySelectorAll('form[data-action]')) {
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    const answer = await send(form.dataset.action, Object.fromEntries(new FormData(form)))
    if (answer.ok) {
      location.assign(target())
      return
    }
    const { error } = await answer.json()
    const details = (error.details ?? []).map(({ path, message }) => `${path} ${message}`)
    form.querySelector('[role=alert]').textContent = [error.message, ...details].join(' ')
  })
}

for (const button of document.querySelectorAll('[data-sign-out]')) {
  button.addEventListener('click', async () => {
    await send('/v1/auth/logout', {}, button.dataset.signOut)
    location.assign('/sign-in')
  })
}
