/**
 * The answer of `work`, or what `late` gives (or throws) after the timeout. The work itself is not cancelled.
 *
 * @param milliseconds the timeout
 * @example
 * ```ts
 * await deadline(send(mail), 30_000, () => { throw new Error('the mail server took over 30 s') })
 * ```
 */
export async function deadline<T, Late>(
  work: Promise<T>,
  milliseconds: number,
  late: () => Late | Promise<Late>,
): Promise<T | Late> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), milliseconds)
  })
  try {
    const first = await Promise.race([work.then((value) => ({ value })), timeout])
    return first === 'late' ? await late() : first.value
  } finally {
    clearTimeout(timer)
  }
}
