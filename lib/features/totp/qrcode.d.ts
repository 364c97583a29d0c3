/** The types of qrcode use this DOM type, which is missing on a server. */
// biome-ignore lint/suspicious/noEmptyInterface: it merges with the DOM type if that is loaded
interface HTMLCanvasElement {}
