import { connect, type Socket } from 'node:net'

/** Takes the status and the whole answer, head and body. */
export type OnAnswer = (status: number, answer: Buffer) => void

/**
 * A kept connection that has one request under way. It does as little as possible, because it shares the
 * processor with the server. It reads answers with `Content-Length` or without a body, not chunked ones.
 */
export class Connection {
  #received: Buffer = Buffer.alloc(0)
  #onAnswer: OnAnswer | undefined

  private constructor(
    private readonly socket: Socket,
    private readonly onFailure: (error: Error) => void,
  ) {
    socket.setNoDelay(true)
    socket.on('data', (chunk) => this.#receive(chunk))
    socket.on('error', onFailure)
    socket.on('close', () => {
      if (this.#onAnswer !== undefined) onFailure(new Error('the server closed a connection before its answer'))
    })
  }

  /** @param onFailure called if the connection breaks or an answer cannot be read */
  static open(port: number, onFailure: (error: Error) => void): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1')
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        resolve(new Connection(socket, onFailure))
      })
    })
  }

  get isIdle(): boolean {
    return this.#onAnswer === undefined
  }

  send(request: Buffer, onAnswer: OnAnswer): void {
    this.#onAnswer = onAnswer
    this.socket.write(request)
  }

  close(): void {
    this.#onAnswer = undefined
    this.socket.destroy()
  }

  #receive(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk])
    const headEnd = this.#received.indexOf('\r\n\r\n')
    if (headEnd === -1) return
    const head = this.#received.toString('latin1', 0, headEnd)
    if (/\r\ntransfer-encoding:/i.test(head)) {
      this.onFailure(new Error('the load generator reads no chunked answers'))
      return
    }
    const length = headEnd + 4 + Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0)
    if (this.#received.length < length) return
    const answer = this.#received
    const onAnswer = this.#onAnswer
    this.#received = Buffer.alloc(0)
    this.#onAnswer = undefined
    onAnswer?.(Number(head.slice(9, 12)), answer)
  }
}
