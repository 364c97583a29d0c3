import { readFileSync, writeFileSync } from 'node:fs'
import { mainTable, soakTable, startTable } from './report.js'
import type { Results } from './results.js'
import { targetTable } from './targets.js'

const begin = '<!-- results: written by npm run bench -- --publish -->'
const end = '<!-- end of results -->'

/** Everything that a run found, as Markdown. Parts that were not measured are left out. */
export function toMarkdown(results: Results): string {
  const { machine, repetitions, seconds, measured, started, enumeration, installed, soaked, failures } = results
  const sections: [title: string, lines: string[]][] = [
    ['Machine', [...machine, `${repetitions} repetitions of ${seconds} s each`].map((line) => `- ${line}`)],
    ['Failed', failures.map((line) => `- ${line}`)],
    ['Targets', targetTable(results)],
    ['Measurements', measured.length === 0 ? [] : mainTable(measured)],
    ['Start and memory', started.length === 0 ? [] : startTable(started)],
    ['Installed size', installed.map(({ name, bytes }) => `- ${name}: ${(bytes / 1e6).toFixed(1)} MB`)],
    ['Memory over time', soaked.length === 0 ? [] : soakTable(soaked)],
    ['Times that could tell of an account', enumeration],
  ]
  return sections
    .filter(([, lines]) => lines.length > 0)
    .map(([title, lines]) => `### ${title}\n\n${lines.join('\n')}\n`)
    .join('\n')
}

/** Puts the results between the two marks of a document. @throws Error if a mark is missing */
export function publish(file: string, text: string): void {
  const document = readFileSync(file, 'utf8')
  const from = document.indexOf(begin)
  const to = document.indexOf(end)
  if (from === -1 || to < from) throw new Error(`${file} has no place for results`)
  writeFileSync(file, `${document.slice(0, from)}${begin}\n\n${text}\n${document.slice(to)}`)
}
