/**
 * background-mesh: level and noise of the meshes of a background, after SExtractor (Bertin & Arnouts 1996, A&AS 117, 393, section 4.1). An item is one
 * mesh: a first cut at 2 standard deviations, a histogram, cuts at 3 about its median until the width stands still, the mode from median and mean.
 *
 * A mesh counts when at least half of its area is good. Others, and there is no NaN here, have 0 in all outputs but `good`.
 */
import { ArcletError } from '../../src/core/errors.ts';
import { PhiloxStream, philoxKey } from '../../src/core/rng.ts';
import type { ArraySpec, KernelSpec, SampleCase, Tolerance } from '../../src/engine/kernel.ts';

export interface BackgroundMeshOptions {
  /** Pixels of a mesh, width times height; at most {@link MAX_PIXELS}. */
  readonly pixels: number;
}

/** Two bins of the histogram share a word on the device, so 16 bits hold a count. */
export const MAX_PIXELS = 65_535;
/** Squares of larger values leave float32 when they are summed. */
export const MAX_VALUE = 1e16;

/** Mask words of a mesh: bit p % 32 of word p / 32 is set where pixel p is bad. */
export function meshWords(pixels: number): number {
  return Math.ceil(pixels / 32);
}

function checked(options: BackgroundMeshOptions): BackgroundMeshOptions {
  const { pixels } = options;
  if (Number.isInteger(pixels) && pixels >= 1 && pixels <= MAX_PIXELS) return options;
  throw new ArcletError(
    'KERNEL_CONTRACT',
    `pixels of background-mesh must be a whole number from 1 to ${MAX_PIXELS}, not ${pixels}.`,
    {
      subject: 'pixels',
    },
  );
}

function one(options: BackgroundMeshOptions): readonly number[] {
  checked(options);
  return [1];
}

function output(kind: 'float' | 'u32', unit: string, doc: string): ArraySpec<BackgroundMeshOptions> {
  return { kind, perItem: true, shape: one, unit, doc };
}

const TOLERANCE: Tolerance = {
  kind: 'absolute',
  value: 0.005,
  why: 'samples have a noise of 1, so this is in standard deviations: a value within float32 rounding of a cut or of a border between bins may fall on either side, and a cut that moves by one bin takes 9/2N of the variance with every pixel in it (N = 527 and up)',
};

export const spec: KernelSpec<BackgroundMeshOptions> = {
  slug: 'background-mesh',
  title: 'level and noise of background meshes',
  inputs: {
    pixels: {
      kind: 'f32',
      perItem: true,
      shape: (options) => [checked(options).pixels],
      unit: 'flux',
      doc: `pixels of the mesh in any order; finite also where bad, at most ${MAX_VALUE} in size where good`,
    },
    bad: {
      kind: 'u32',
      perItem: true,
      shape: (options) => [meshWords(checked(options).pixels)],
      unit: 'bits',
      doc: 'bit p % 32 of word p / 32 is set where pixel p is bad, or beyond the image',
    },
    area: {
      kind: 'u32',
      perItem: true,
      shape: one,
      unit: 'pixels',
      doc: 'pixels of the mesh within the image, of which half must be good',
    },
  },
  outputs: {
    level: output('float', 'flux', 'mode: 2.5 median - 1.5 mean, or the median where they differ by more than 0.3 rms'),
    rms: output('float', 'flux', 'standard deviation of what the cuts left'),
    mean: output('float', 'flux', 'mean of what the cuts left'),
    median: output('float', 'flux', 'median of what the cuts left'),
    good: output('u32', 'pixels', 'pixels that are not bad'),
  },
  tolerances: {
    level: TOLERANCE,
    rms: TOLERANCE,
    mean: TOLERANCE,
    median: TOLERANCE,
    good: { kind: 'exact', value: 0, why: 'integer' },
  },
  sample,
  // Five looks at a pixel, of which the first comes from memory, and some ten rounds over at most 4096 bins.
  cost: ({ pixels }, count) => ({ flops: 20 * count * pixels, bytes: 4 * count * (pixels + meshWords(pixels) + 6) }),
};

const SAMPLE_PIXELS = [64 * 64, 96 * 96, 31 * 17];
const KINDS = 9;

/** Noise of 1 about levels up to 1000, with: nothing, stars, a crowd, hot pixels, whole numbers, masked parts, too many masked, cut-off meshes, one value. */
function sample(count: number, seed: number): SampleCase<BackgroundMeshOptions>[] {
  const perCase = Math.ceil(count / SAMPLE_PIXELS.length);
  return SAMPLE_PIXELS.flatMap((pixels, index) => {
    const items = Math.min(perCase, count - index * perCase);
    if (items <= 0) return [];
    const stream = new PhiloxStream(philoxKey(seed), [index, 0, 0]);
    const words = meshWords(pixels);
    const inputs = {
      pixels: new Float32Array(items * pixels),
      bad: new Uint32Array(items * words),
      area: new Uint32Array(items).fill(pixels),
    };
    for (let item = 0; item < items; item++) {
      const mesh = inputs.pixels.subarray(item * pixels, (item + 1) * pixels);
      const bad = inputs.bad.subarray(item * words, (item + 1) * words);
      drawMesh(stream, item % KINDS, mesh, bad);
      // A mesh at a corner of the image: the rest of it lies beyond.
      if (item % KINDS === 7) {
        inputs.area[item] = pixels >> 2;
        for (let p = pixels >> 2; p < pixels; p++) markBad(mesh, bad, p);
      }
    }
    return [{ label: `${pixels} pixels`, options: { pixels }, count: items, inputs }];
  });
}

function markBad(mesh: Float32Array, bad: Uint32Array, p: number): void {
  mesh[p] = 0;
  bad[p >> 5] |= 1 << (p & 31);
}

function drawMesh(stream: PhiloxStream, kind: number, mesh: Float32Array, bad: Uint32Array): void {
  const level = stream.between(-10, 10) ** 3;
  for (let p = 0; p < mesh.length; p++) {
    const noise = stream.normal();
    const star = kind === 2 ? 5 * stream.uniform() ** 3 : kind === 1 && stream.uniform() < 0.05 ? 200 * stream.uniform() ** 4 : 0;
    const value = level + noise + star;
    mesh[p] = kind === 4 ? Math.round(value) : kind === 8 ? level : value;
    if (kind === 3 && stream.uniform() < 0.005) mesh[p] = 1e6 * stream.uniform();
    if (stream.uniform() < (kind === 5 ? 0.4 : kind === 6 ? 0.7 : 0)) markBad(mesh, bad, p);
  }
}
