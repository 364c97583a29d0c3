/** What the TSDoc of an option says, as cells of a table. */
export interface OptionDoc {
  readonly meaning: string
  readonly environment: string
  readonly defaultText: string
}

/**
 * Reads the TSDoc of the interfaces of options. A comment says the meaning, then `Default …` and `Environment: …`.
 *
 * @param sources texts of files with interfaces named `…Options`
 * @returns by path, e.g. `cookies.secure`
 */
export function readOptionDocs(sources: readonly string[]): ReadonlyMap<string, OptionDoc> {
  const docs = new Map<string, OptionDoc>()
  for (const source of sources) {
    for (const [, name = '', body = ''] of source.matchAll(
      /^export interface (\w*Options)\b[^{]*\{\n([\s\S]*?)^\}/gm,
    )) {
      for (const [path, comment] of membersOf(body)) docs.set(`${prefixes[name] ?? ''}${path}`, docOf(comment))
    }
  }
  return docs
}

/** Interfaces that are the type of one member of the options. */
const prefixes: Readonly<Record<string, string>> = { MfaOptions: 'mfa.', TotpOptions: 'mfa.' }

/** Members with a comment, by path. An object's members follow it, indented. */
function* membersOf(body: string): Generator<[path: string, comment: string]> {
  let group = ''
  let comment = ''
  for (const [, text, name, opens, closes] of body.matchAll(/\/\*\*([\s\S]*?)\*\/|^ *(\w+)\?: (\{$)?|^( {2}\})$/gm)) {
    if (text !== undefined) comment = text
    else if (closes !== undefined) group = ''
    else if (name !== undefined) {
      if (opens !== undefined) group = `${name}.`
      else yield [`${group}${name}`, comment]
      comment = ''
    }
  }
}

function docOf(comment: string): OptionDoc {
  const text = comment.replace(/\s*\n\s*\*?\s*/g, ' ').trim()
  const [, head = '', environment = ''] = /^([\s\S]*?)(?: ?Environment: ([\s\S]*?)\.)?$/.exec(text) ?? []
  const [, meaning = '', defaultText = ''] = /^([\s\S]*?)(?: ?Default:? ([\s\S]*?)\.)?$/.exec(head) ?? []
  return { meaning: meaning.replace(/\.$/, ''), environment, defaultText }
}
