/** One bit for each pixel. */
export class PixelBits {
  readonly #width: number;
  readonly #bits: Uint8Array;
  #any = false;

  constructor(width: number, height: number) {
    this.#width = width;
    this.#bits = new Uint8Array(Math.ceil((width * height) / 8));
  }

  /** Whether some pixel is set. */
  get any(): boolean {
    return this.#any;
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
}
