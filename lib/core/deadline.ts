/**
 * Waits for `work`. After the timeout, it returns the result of `onTimeout` instead, or throws its error. The work itself is
 * not canceled.
 *
 * @example
 * ```ts
 * await deadline(send(mail), 30_000, () => { throw new Error('the mail server took over 30 s') })
 * ```
 */
export async function deadline<T, Late>(
  work: Promise<T>,
  timeoutMs: number,
  onTimeout: () => Late | Promise<Late>,
): Promise<T | Late> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), timeoutMs)
  })
  try {
    const first = await Promise.race([work.then((value) => ({ value })), timeout])
    return first === 'late' ? await onTimeout() : first.value
  } finally {
    clearTimeout(timer)
  }
}
