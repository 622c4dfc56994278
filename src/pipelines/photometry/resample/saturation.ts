/** Saturated pixels of one image, and what they spoil of the grid that it is put on. */
import { PixelBits } from './pixel-bits.ts';
import type { Grid } from './plan.ts';

/** Positions under the kernel are this exact, and the map is straight to this over a kernel, source px. */
const SLACK_PX = 0.01;

/**
 * Pixels that are saturated are found while the image is read, by boxes that overlap. An output pixel with one of them under its kernel is lost, however
 * small the weight: what would stand for a star's bright middle are its wings, and the sum over the star is off by a percent.
 */
export class Saturation {
  /** Output pixels whose middle lies in a saturated pixel, and the nearest one where output pixels are larger. */
  readonly saturated: PixelBits;
  /** Output pixels with a saturated pixel under their kernel. */
  readonly spoiled: PixelBits;
  readonly #source: Grid;
  readonly #target: Grid;
  readonly #reach: number;
  readonly #seen: PixelBits;
  /** x, y of what was seen since the last `project`. */
  #fresh: number[] = [];
  #count = 0;

  /** `taps`: pixels under the kernel along an axis, source px. */
  constructor(source: Grid, target: Grid, taps: number) {
    this.#source = source;
    this.#target = target;
    this.#reach = taps / 2 + SLACK_PX;
    this.#seen = new PixelBits(source.width, source.height);
    this.saturated = new PixelBits(target.width, target.height);
    this.spoiled = new PixelBits(target.width, target.height);
  }

  /** Saturated pixels of the image, as far as it was read. */
  get count(): number {
    return this.#count;
  }

  /** A pixel of the image is saturated; it may be told of more than once. */
  add(x: number, y: number): void {
    if (this.#seen.has(x, y)) return;
    this.#seen.set(x, y);
    this.#fresh.push(x, y);
    this.#count++;
  }

  /** Brings what was added to the output pixels. Rows whose windows were read before are complete then. */
  project(): void {
    for (let at = 0; at < this.#fresh.length; at += 2) this.#projectOne(this.#fresh[at], this.#fresh[at + 1]);
    this.#fresh = [];
  }

  #projectOne(sx: number, sy: number): void {
    const { width, height } = this.#target;
    const [x, y] = this.#placeOf(sx, sy);
    const [xAlong, yAlong] = this.#placeOf(sx + 1, sy);
    const [xUp, yUp] = this.#placeOf(sx, sy + 1);
    const [a, b, c, d] = [xAlong - x, xUp - x, yAlong - y, yUp - y];
    const determinant = a * d - b * c;
    if (!Number.isFinite(1 / determinant)) return;
    const [reachX, reachY] = [this.#reach * (Math.abs(a) + Math.abs(b)), this.#reach * (Math.abs(c) + Math.abs(d))];
    const [left, right] = [Math.max(0, Math.ceil(x - reachX)), Math.min(width - 1, Math.floor(x + reachX))];
    const [bottom, top] = [Math.max(0, Math.ceil(y - reachY)), Math.min(height - 1, Math.floor(y + reachY))];
    for (let v = bottom; v <= top; v++) {
      for (let u = left; u <= right; u++) {
        const [du, dv] = [u - x, v - y];
        const off = Math.max(Math.abs(d * du - b * dv), Math.abs(a * dv - c * du)) / Math.abs(determinant);
        if (off > this.#reach) continue;
        this.spoiled.set(u, v);
        if (off <= 0.5) this.saturated.set(u, v);
      }
    }
    const [u, v] = [Math.round(x), Math.round(y)];
    if (u < 0 || v < 0 || u >= width || v >= height) return;
    this.spoiled.set(u, v);
    this.saturated.set(u, v);
  }

  #placeOf(sx: number, sy: number): [x: number, y: number] {
    return this.#target.wcs.worldToPixel(...this.#source.wcs.pixelToWorld(sx, sy)) as [number, number];
  }
}
