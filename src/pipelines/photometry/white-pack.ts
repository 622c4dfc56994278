/** Rows of frames in the layout of kernel coadd-white: runs of pixels with all bands of a run side by side. */
import { maskWords } from '../../../kernels/coadd-white/spec.ts';
import { ArcletError } from '../../core/errors.ts';
import type { FramePixels } from './field.ts';
import type { ValueRule } from './load-frames.ts';
import type { BadPlaces } from './load-scan.ts';

export interface PackerOptions {
  readonly bands: number;
  readonly width: number;
  readonly runPixels: number;
  readonly rowsPerChunk: number;
  /** Weights are 1 / max(sigma^2, varianceFloor). */
  readonly varianceFloor: number;
  /** One sigma per band; undefined where every pixel has its own. */
  readonly sigmas: readonly { readonly band: string; readonly sigmaSky: number }[] | undefined;
}

/** Arrays of the kernel in shared memory: threads that read put pixels in, threads that combine take them out, and nobody copies. */
export interface ChunkArrays {
  /** The same arrays have the same number. */
  readonly id: number;
  readonly image: Float32Array;
  readonly weights: Float32Array;
  readonly mask: Uint32Array;
}

/** Inputs of the kernel for rows y0 .. y0 + rows. */
export interface PackedChunk {
  readonly y0: number;
  readonly rows: number;
  readonly items: number;
  /** As long as the largest chunk needs. */
  readonly arrays: ChunkArrays;
  readonly inputs: { readonly image: Float32Array; readonly weights: Float32Array; readonly mask: Uint32Array };
}

/** What the places of pixels in a chunk follow from. */
export interface ChunkLayout {
  readonly bands: number;
  readonly runPixels: number;
}

/**
 * Puts stored values of a band at pixel `at` and following of a chunk, scaled. Bad pixels become 0 with their bit set and go to `bad`, so that every
 * pixel is finite. Threads may do so with other bands of the same chunk at the same time.
 */
export function packStored(
  { bands, runPixels }: ChunkLayout,
  { image, mask }: Pick<ChunkArrays, 'image' | 'mask'>,
  band: number,
  at: number,
  values: Float32Array,
  rule: ValueRule,
  bad: BadPlaces,
): void {
  const words = maskWords(bands);
  for (let from = 0; from < values.length; ) {
    const item = Math.floor((at + from) / runPixels);
    const place = at + from - item * runPixels;
    const count = Math.min(runPixels - place, values.length - from);
    const target = (item * bands + band) * runPixels + place;
    const maskTarget = (item * words + (band >> 5)) * runPixels + place;
    const bitOf = { words: mask.subarray(maskTarget, maskTarget + count), bit: 1 << (band & 31) };
    packRun(values.subarray(from, from + count), image.subarray(target, target + count), rule, bitOf, at + from, bad);
    from += count;
  }
}

/**
 * Values of one run. Nearly all are good: four are scaled and looked at together, and only where one of them may be bad each for itself. Four below
 * -low / 16 with one as low as `low` have a sum below low / 2; no pixel of the sky is above that, so that files without SATURATE are no slower.
 */
function packRun(
  values: Float32Array,
  image: Float32Array,
  rule: ValueRule,
  mask: { readonly words: Uint32Array; readonly bit: number },
  at: number,
  bad: BadPlaces,
): void {
  const { scale, low, high } = rule;
  const surely = Math.min(high, -low / 16);
  const lowSum = low / 2;
  const one = (k: number): void => {
    const value = values[k];
    if (value < high && value > low) {
      image[k] = value * scale;
      return;
    }
    image[k] = 0;
    Atomics.or(mask.words, k, mask.bit);
    bad.add(at + k, Number.isFinite(Math.fround(value * scale)));
  };
  const inFours = values.length - (values.length % 4);
  for (let k = 0; k < inFours; k += 4) {
    const a = values[k];
    const b = values[k + 1];
    const c = values[k + 2];
    const d = values[k + 3];
    image[k] = a * scale;
    image[k + 1] = b * scale;
    image[k + 2] = c * scale;
    image[k + 3] = d * scale;
    if (a < surely && b < surely && c < surely && d < surely && a + b + (c + d) > lowSum) continue;
    for (let next = k; next < k + 4; next++) one(next);
  }
  for (let k = inFours; k < values.length; k++) one(k);
}

/** Their weights, 1e36 and 1e-30, are the largest and the smallest of the kernel. */
const MIN_SIGMA = 1e-18;
const MAX_SIGMA = 1e15;

/** Packs chunk after chunk into few arrays that are used again and again. */
export class ChunkPacker {
  readonly #options: PackerOptions;
  readonly #words: number;
  readonly #weights: readonly number[];
  readonly #free: ChunkArrays[] = [];
  #made = 0;

  /** Throws INPUT_INVALID for a sigma that is no noise, naming the band. */
  constructor(options: PackerOptions) {
    this.#options = options;
    this.#words = maskWords(options.bands);
    this.#weights = (options.sigmas ?? []).map(({ band, sigmaSky }) => {
      if (sigmaSky >= MIN_SIGMA && sigmaSky <= MAX_SIGMA) return 1 / Math.max(sigmaSky ** 2, options.varianceFloor);
      throw new ArcletError(
        'INPUT_INVALID',
        `The sky noise of ${band} must be from ${MIN_SIGMA} to ${MAX_SIGMA}, not ${sigmaSky}.`,
        {
          subject: band,
          remedy: 'Mend SKYSIG in the header, or choose a zero point that brings the noise there.',
        },
      );
    });
  }

  /** A chunk without bands, every pixel of its last run beyond the rows bad. */
  begin(y0: number, rows: number): PackedChunk {
    const { bands, width, runPixels, rowsPerChunk, sigmas } = this.#options;
    const runs = (count: number) => Math.ceil((count * width) / runPixels);
    const items = runs(rows);
    const weightsPerRun = sigmas === undefined ? bands * runPixels : bands;
    const most = runs(rowsPerChunk);
    const shared = (length: number) => new SharedArrayBuffer(4 * length);
    const arrays = this.#free.pop() ?? {
      id: this.#made++,
      image: new Float32Array(shared(most * bands * runPixels)),
      weights: new Float32Array(shared(most * weightsPerRun)),
      mask: new Uint32Array(shared(most * this.#words * runPixels)),
    };
    const inputs = {
      image: arrays.image.subarray(0, items * bands * runPixels),
      weights: arrays.weights.subarray(0, items * weightsPerRun),
      mask: arrays.mask.subarray(0, items * this.#words * runPixels),
    };
    inputs.mask.fill(0);
    for (let item = 0; sigmas !== undefined && item < items; item++) inputs.weights.set(this.#weights, item * bands);
    const lastRun = rows * width - (items - 1) * runPixels;
    for (let word = 0; word < this.#words; word++) {
      inputs.mask.fill(
        0xffffffff,
        ((items - 1) * this.#words + word) * runPixels + lastRun,
        ((items - 1) * this.#words + word + 1) * runPixels,
      );
    }
    for (let band = 0; band < bands; band++) {
      const end = ((items - 1) * bands + band + 1) * runPixels;
      inputs.image.fill(0, end - runPixels + lastRun, end);
      if (sigmas === undefined) inputs.weights.fill(0, end - runPixels + lastRun, end);
    }
    return { y0, rows, items, arrays, inputs };
  }

  /** Puts the rows of a band in. Bad pixels become 0 with their bit set, since the device takes finite numbers only. */
  add({ items, rows, inputs }: PackedChunk, band: number, pixels: FramePixels, sigma: Float32Array | undefined): void {
    const { bands, width, runPixels, varianceFloor } = this.#options;
    const length = rows * width;
    const bit = 1 << (band & 31);
    for (let item = 0; item < items; item++) {
      const from = item * runPixels;
      const count = Math.min(runPixels, length - from);
      const at = (item * bands + band) * runPixels;
      inputs.image.set(pixels.image.subarray(from, from + count), at);
      if (sigma !== undefined)
        packWeights(sigma.subarray(from, from + count), inputs.weights.subarray(at, at + count), varianceFloor);
      const mask = inputs.mask.subarray((item * this.#words + (band >> 5)) * runPixels);
      markBad(pixels.bad.subarray(from, from + count), bit, mask, inputs.image.subarray(at, at + count));
    }
  }

  /** The engine is done with the chunk. */
  giveBack({ arrays }: PackedChunk): void {
    this.#free.push(arrays);
  }
}

/** Inverse variances; 0 where sigma is no noise. */
function packWeights(sigma: Float32Array, weights: Float32Array, varianceFloor: number): void {
  for (let pixel = 0; pixel < sigma.length; pixel++) {
    const value = sigma[pixel];
    const variance = value * value;
    const isNoise = value >= MIN_SIGMA && value <= MAX_SIGMA;
    weights[pixel] = isNoise ? 1 / (variance > varianceFloor ? variance : varianceFloor) : 0;
  }
}

/** Few pixels are bad: four flags are looked at together where the bytes lie on a word. */
function markBad(bad: Uint8Array, bit: number, mask: Uint32Array, image: Float32Array): void {
  const mark = (pixel: number): void => {
    if (bad[pixel] === 0) return;
    mask[pixel] |= bit;
    image[pixel] = 0;
  };
  const words = bad.byteOffset % 4 === 0 ? bad.length >> 2 : 0;
  const fours = new Uint32Array(words === 0 ? new ArrayBuffer(0) : bad.buffer, words === 0 ? 0 : bad.byteOffset, words);
  for (let word = 0; word < words; word++) {
    if (fours[word] === 0) continue;
    for (let pixel = 4 * word; pixel < 4 * word + 4; pixel++) mark(pixel);
  }
  for (let pixel = 4 * words; pixel < bad.length; pixel++) mark(pixel);
}
