/** `preview.png` of the demo scene: the middle of the field in three of its bands. */
import { encodePng } from '../../../io/png.ts';
import { colourStamp, type Plane } from '../../../io/stretch.ts';
import type { SceneBand } from './bands.ts';
import { blackBody } from './sources.ts';
import { CATALOGUE_ZERO_POINT } from './tables.ts';

/** Most pixels along the side of the picture. */
const MOST = 1536;
/** Noise of the noisiest band that is white: what is brighter in all bands is white. */
const WHITE = 60;
/** A black body of this temperature is white, K. */
const WHITE_K = 6000;

export class ScenePreview {
  readonly #size: number;
  readonly #side: number;
  /** Red, green, blue by the index of a band. */
  readonly #bands: readonly [number, number, number];
  readonly #planes = new Map<number, Plane>();
  #sigma = 0;

  constructor(bands: readonly SceneBand[], size: number) {
    const last = bands.length - 1;
    this.#bands = [last, Math.floor(last / 2), 0];
    this.#size = size;
    this.#side = Math.min(size, MOST);
  }

  /** Keeps what the picture needs of a band. */
  add({ index, zeroPoint, wavelengthNm, skySigmaAdu }: SceneBand, pixels: Float32Array): void {
    if (!this.#bands.includes(index)) return;
    const side = this.#side;
    const start = Math.floor((this.#size - side) / 2);
    const factor = 10 ** (0.4 * (CATALOGUE_ZERO_POINT - zeroPoint)) / blackBody(wavelengthNm, WHITE_K);
    this.#sigma = Math.max(this.#sigma, factor * skySigmaAdu);
    const plane = new Float32Array(side * side);
    for (let y = 0; y < side; y++) {
      const from = (start + y) * this.#size + start;
      for (let x = 0; x < side; x++) plane[y * side + x] = factor * pixels[from + x];
    }
    this.#planes.set(index, plane);
  }

  png(): Uint8Array {
    const white = WHITE * this.#sigma;
    const planes = this.#bands.map((index) => this.#planes.get(index)?.map((value) => Math.min(value, white)));
    return encodePng(colourStamp(planes as [Plane, Plane, Plane], this.#side, { black: -1.5 * this.#sigma, white, softness: 8 }));
  }
}
