/** The value of one cookie, without reading the others. */
export function cookieOf(header: string, name: string): string | null {
  const start = header.startsWith(`${name}=`) ? 0 : header.indexOf(` ${name}=`) + 1
  if (start === 0 && !header.startsWith(`${name}=`)) return null
  const end = header.indexOf(';', start)
  return header.slice(start + name.length + 1, end === -1 ? undefined : end)
}
