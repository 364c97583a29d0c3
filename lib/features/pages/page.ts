import type { Reply } from '../../core/http/route.js'
import { type Html, html } from '../../core/mail/html.js'

/** The page handles a token. So it loads nothing from other hosts, runs no inline code, and cannot be framed. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"

export function pageReply(content: { title: string; body: Html; base: string; data?: Html }): Reply {
  const { title, body, base, data = html`` } = content
  const text = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title}</title>
<link rel="stylesheet" href="${base}/v1/pages/page.css">
<script src="${base}/v1/pages/page.js" defer></script>
</head>
<body${data}>
${body}
</body>
</html>
`
  return {
    status: 200,
    content: { type: 'text/html; charset=utf-8', text: text.text },
    headers: { 'Content-Security-Policy': policy, 'Referrer-Policy': 'no-referrer', 'X-Frame-Options': 'DENY' },
  }
}
