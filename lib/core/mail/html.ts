/** Safe HTML: values in it were escaped. */
export class Html {
  constructor(readonly text: string) {}

  toString(): string {
    return this.text
  }
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? '')
}

/**
 * Escapes all values, except `Html` that this function made.
 *
 * @example
 * ```ts
 * html`<p>Hello ${displayName}</p>`
 * ```
 */
export function html(parts: TemplateStringsArray, ...values: ReadonlyArray<string | number | Html>): Html {
  const filled = values.map((value) => (value instanceof Html ? value.text : escapeHtml(String(value))))
  return new Html(parts.map((part, index) => part + (filled[index] ?? '')).join(''))
}
