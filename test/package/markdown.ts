/** The lines of the first table below a heading, without its two header lines. */
export function tableUnder(document: string, heading: string): string[] {
  const lines = document.split('\n')
  const start = lines.findIndex((line) => line.replace(/^#+ /, '') === heading && line.startsWith('#'))
  if (start === -1) throw new Error(`no heading "${heading}"`)
  const first = lines.findIndex((line, index) => index > start && line.startsWith('|'))
  const nextHeading = lines.findIndex((line, index) => index > start && /^#+ /.test(line))
  if (first === -1 || (nextHeading !== -1 && nextHeading < first)) throw new Error(`no table under "${heading}"`)
  const rest = lines.slice(first)
  const end = rest.findIndex((line) => !line.startsWith('|'))
  return (end === -1 ? rest : rest.slice(0, end)).slice(2)
}

/** The cells of each line. `\|` does not separate cells. */
export function columnsOf(table: string[]): string[][] {
  return table.map((line) =>
    line
      .slice(1, line.lastIndexOf('|'))
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim().replaceAll('\\|', '|')),
  )
}

/** The first code block in this language below a heading, indented or not. */
export function codeUnder(document: string, heading: string, language: string): string {
  const [, after = ''] = document.split(new RegExp(`^#+ ${heading}$`, 'm'))
  const code = new RegExp(`^ *\`\`\`${language}\\n(.*?)^ *\`\`\`$`, 'ms').exec(after)?.[1]
  if (code === undefined) throw new Error(`no ${language} under "${heading}"`)
  return code
}
