/** Sums of pixels under overlaps: rows without a masked pixel go through plain loops, others pixel by pixel. */
import type { EllipseOverlap } from './apertures-overlap.ts';
import { type ImagePixels, isMasked, type MaskOptions, type NoiseOptions, PixelMask, type Pixels } from './apertures-pixels.ts';

/** Adds up one aperture after the other. */
export class ApertureSummer {
  flux = 0;
  variance = 0;
  /** Area of the aperture on the image; of what is used; of what is masked. */
  area = 0;
  usedArea = 0;
  maskedArea = 0;
  readonly #data: Pixels;
  readonly #width: number;
  readonly #height: number;
  readonly #mask: PixelMask;
  /** Variance of every pixel, or none where a map says it. */
  readonly #variance: number;
  readonly #noise: Pixels | undefined;
  readonly #noiseIsVariance: boolean;

  constructor(image: ImagePixels, options: MaskOptions & NoiseOptions) {
    this.#data = image.data;
    this.#width = image.width;
    this.#height = image.height;
    this.#mask = new PixelMask(options);
    const { err, var: variance } = options;
    const noise = variance ?? err ?? 0;
    this.#noiseIsVariance = variance !== undefined;
    this.#noise = typeof noise === 'number' ? undefined : noise;
    this.#variance = typeof noise !== 'number' ? 0 : this.#noiseIsVariance ? noise : noise * noise;
  }

  /** Sums over `outer` less `inner`, for the aperture of this row. */
  sum(row: number, outer: EllipseOverlap, inner: EllipseOverlap | undefined): void {
    this.flux = 0;
    this.variance = 0;
    this.area = 0;
    this.usedArea = 0;
    this.maskedArea = 0;
    this.#mask.turnTo(row);
    const y0 = Math.max(0, Math.floor(outer.bottom + 0.5));
    const y1 = Math.min(this.#height, Math.floor(outer.top + 0.5) + 1);
    for (let iy = y0; iy < y1; iy++) {
      outer.row(iy);
      const start = iy * this.#width;
      const { weights, first, full, fullEnd, end } = outer;
      const clear = this.#mask.isClear(start + first, start + end);
      if (inner === undefined) {
        if (clear && this.#addPlain(start, outer)) continue;
        weights.fill(1, full, fullEnd);
        this.#addChecked(start, weights, first, end);
        continue;
      }
      weights.fill(1, full, fullEnd);
      inner.row(iy);
      for (let x = inner.first; x < inner.full; x++) weights[x] -= inner.weights[x];
      for (let x = inner.fullEnd; x < inner.end; x++) weights[x] -= inner.weights[x];
      // What the hole covers is not looked at.
      const hole = inner.full < inner.fullEnd;
      const left = hole ? inner.full : end;
      const right = hole ? inner.fullEnd : end;
      if (clear && this.#addRing(start, weights, first, left, right, end)) continue;
      this.#addChecked(start, weights, first, left);
      this.#addChecked(start, weights, right, end);
    }
    if (this.#noise === undefined) this.variance = this.#variance * this.usedArea;
  }

  /** Adds a row of which every pixel may be used; false, and nothing added, when one of them is not finite. */
  #addPlain(start: number, { first, full, fullEnd, end, weights }: EllipseOverlap): boolean {
    const data = this.#data;
    let flux = 0;
    let more = 0;
    let area = fullEnd - full;
    for (let x = first; x < full; x++) {
      flux += weights[x] * data[start + x];
      area += weights[x];
    }
    for (let x = fullEnd; x < end; x++) {
      more += weights[x] * data[start + x];
      area += weights[x];
    }
    // Two sums at once: one alone waits for itself at every pixel.
    let x = start + full;
    const last = start + fullEnd - 1;
    for (; x < last; x += 2) {
      flux += data[x];
      more += data[x + 1];
    }
    if (x === last) flux += data[x];
    flux += more;
    if (!(flux - flux === 0)) return false;
    if (this.#noise !== undefined) {
      this.#addNoise(this.#noise, start, weights, first, full);
      this.#addCoveredNoise(this.#noise, start + full, start + fullEnd);
      this.#addNoise(this.#noise, start, weights, fullEnd, end);
    }
    this.flux += flux;
    this.usedArea += area;
    this.area += area;
    return true;
  }

  /** The same for pixels [first, left) and [right, end). */
  #addRing(start: number, weights: Float64Array, first: number, left: number, right: number, end: number): boolean {
    const data = this.#data;
    let flux = 0;
    let area = 0;
    for (let x = first; x < left; x++) {
      const weight = weights[x];
      flux += weight * data[start + x];
      area += weight;
    }
    for (let x = right; x < end; x++) {
      const weight = weights[x];
      flux += weight * data[start + x];
      area += weight;
    }
    if (!(flux - flux === 0)) return false;
    if (this.#noise !== undefined) {
      this.#addNoise(this.#noise, start, weights, first, left);
      this.#addNoise(this.#noise, start, weights, right, end);
    }
    this.flux += flux;
    this.usedArea += area;
    this.area += area;
    return true;
  }

  #addCoveredNoise(noise: Pixels, from: number, to: number): void {
    let sum = 0;
    if (this.#noiseIsVariance) for (let pixel = from; pixel < to; pixel++) sum += noise[pixel];
    else {
      for (let pixel = from; pixel < to; pixel++) {
        const sigma = noise[pixel];
        sum += sigma * sigma;
      }
    }
    this.variance += sum;
  }

  /** Variance of pixels of a row. A pixel of weight 0 adds nothing, whatever its noise is. */
  #addNoise(noise: Pixels, start: number, weights: Float64Array, from: number, to: number): void {
    const noiseIsVariance = this.#noiseIsVariance;
    let sum = 0;
    for (let x = from; x < to; x++) {
      const weight = weights[x];
      if (weight === 0) continue;
      const sigma = noise[start + x];
      sum += weight * (noiseIsVariance ? sigma : sigma * sigma);
    }
    this.variance += sum;
  }

  #addChecked(start: number, weights: Float64Array, from: number, to: number): void {
    const data = this.#data;
    const { mask, segmentation, segmentId } = this.#mask;
    const noise = this.#noise;
    const noiseIsVariance = this.#noiseIsVariance;
    let flux = 0;
    let variance = 0;
    let used = 0;
    let masked = 0;
    for (let x = from; x < to; x++) {
      const weight = weights[x];
      if (weight === 0) continue;
      const pixel = start + x;
      const value = data[pixel];
      let bad = !(value - value === 0) || (mask !== undefined && mask[pixel] !== 0);
      if (segmentation !== undefined) bad ||= isMasked(segmentation[pixel], segmentId);
      if (bad) {
        masked += weight;
        continue;
      }
      flux += weight * value;
      used += weight;
      if (noise !== undefined) {
        const sigma = noise[pixel];
        variance += weight * (noiseIsVariance ? sigma : sigma * sigma);
      }
    }
    this.flux += flux;
    this.variance += variance;
    this.usedArea += used;
    this.maskedArea += masked;
    this.area += used + masked;
  }
}
