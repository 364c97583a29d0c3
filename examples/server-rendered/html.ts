/** Markup that is safe to send without escaping. */
class Html {
  constructor(readonly text: string) {}
}

export type { Html }

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

function render(value: unknown): string {
  if (value instanceof Html) return value.text
  if (Array.isArray(value)) return value.map(render).join('')
  return String(value).replace(/[&<>"']/g, (character) => entities[character] ?? character)
}

/** Markup. Every value is escaped, unless it is markup itself. Quote all attributes. */
export function html(texts: TemplateStringsArray, ...values: unknown[]): Html {
  return new Html(texts.map((text, index) => (index === 0 ? text : render(values[index - 1]) + text)).join(''))
}
