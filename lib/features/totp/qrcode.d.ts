/** The types of qrcode name this one of browsers, which a server does not have. */
// biome-ignore lint/suspicious/noEmptyInterface: merges with the real one where that is known
interface HTMLCanvasElement {}
