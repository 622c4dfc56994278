/** One bit for each pixel. */
export class PixelBits {
  readonly #width: number;
  readonly #bits: Uint8Array;
  #any = false;

  constructor(width: number, height: number) {
    this.#width = width;
    this.#bits = new Uint8Array(Math.ceil((width * height) / 8));
  }

  set(x: number, y: number): void {
    const at = y * this.#width + x;
    this.#bits[Math.floor(at / 8)] |= 1 << (at % 8);
    this.#any = true;
  }

  has(x: number, y: number): boolean {
    if (!this.#any) return false;
    const at = y * this.#width + x;
    return (this.#bits[Math.floor(at / 8)] & (1 << (at % 8))) !== 0;
  }

  /** Calls `look` for each pixel of rows y0 .. y0 + count that is set, with its place among theirs. Few are, so that bytes without one are passed over. */
  eachIn(y0: number, count: number, look: (at: number) => void): void {
    if (!this.#any) return;
    const [first, end] = [y0 * this.#width, (y0 + count) * this.#width];
    for (let byte = Math.floor(first / 8); byte < end / 8; byte++) {
      for (let bits = this.#bits[byte], at = 8 * byte; bits !== 0; bits >>= 1, at++)
        if (bits & 1 && at >= first && at < end) look(at - first);
    }
  }
}
