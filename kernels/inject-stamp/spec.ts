/**
 * inject-stamp: what a rendered arc becomes on the pixels of a survey. Nothing where there is no coverage or within the core; elsewhere the flux,
 * with the shot noise of its own electrons where that is asked for.
 */
import { PhiloxStream, philoxKey } from '../../src/core/rng.ts';
import type { KernelSpec, SampleCase } from '../../src/engine/kernel.ts';
import { struct } from '../../src/gpu/layout.ts';
import { noiseWords } from './cpu.ts';
import { poissonOfWord } from './poisson.ts';

export interface InjectStampOptions {
  readonly bands: number;
  /** Side of the stamp, px. */
  readonly size: number;
  /** Poisson noise of the arc. Without it `gain`, `gain_per_invvar` and `key` are not looked at. */
  readonly noise: boolean;
}

/** The disc that stays free of injected light: centre in px (0-based pixel centres), radius in px, 0 for none. */
export const CORE_LAYOUT = struct('InjectCore', { x: 'f32', y: 'f32', radius: 'f32' });

const stamps = ({ bands, size }: InjectStampOptions): readonly number[] => [bands, size, size];
const perBand = ({ bands }: InjectStampOptions): readonly number[] => [bands];

export const spec: KernelSpec<InjectStampOptions> = {
  slug: 'inject-stamp',
  title: 'coverage, core mask and shot noise of an arc on survey pixels',
  inputs: {
    convolved: { kind: 'float', perItem: true, shape: stamps, unit: 'nanomaggy/px', doc: 'the arc [band, y, x]' },
    weights: {
      kind: 'float',
      perItem: true,
      shape: stamps,
      unit: 'nanomaggy^-2',
      doc: 'inverse variances of the survey [band, y, x]; below 1e-30 there is no coverage',
    },
    core: { kind: { struct: CORE_LAYOUT }, perItem: true, shape: () => [1], unit: 'px', doc: 'disc without injected light' },
    gain: { kind: 'float', perItem: true, shape: perBand, unit: 'electrons/nanomaggy', doc: 'gain of the coadd, >= 0' },
    gain_per_invvar: {
      kind: 'float',
      perItem: true,
      shape: perBand,
      unit: 'electrons nanomaggy',
      doc: 'added to the gain times the weight: the sky flux of a pixel (nanomaggy) where the noise is that of the sky; >= 0',
    },
    key: { kind: 'u32', perItem: true, shape: () => [2], unit: '-', doc: 'Philox key of the row: low word, high word' },
  },
  outputs: {
    arc: { kind: 'float', perItem: true, shape: stamps, unit: 'nanomaggy/px', doc: 'what is added to the survey [band, y, x]' },
  },
  tolerances: {
    arc: {
      kind: 'relative',
      value: 1.1e-5,
      why:
        'without noise float32 holds the flux to 6e-8. With it, a count within float32 rounding of a step may be one electron off: above 1e5 electrons that is ' +
        '1e-5, below it the sample keeps 1e-6 clear of steps, and counts are equal',
    },
  },
  sample,
  // Noise, per pixel: a quarter of ten Philox rounds (42 each), the gain, and a count (expansion 45, search 5 a step).
  cost: ({ bands, size, noise }, count) => {
    const pixels = count * bands * size ** 2;
    return { flops: (noise ? 160 : 5) * pixels, bytes: 12 * pixels + (CORE_LAYOUT.byteSize + 8 + 8 * bands) * count };
  },
};

const VARIANTS: readonly [label: string, options: InjectStampOptions][] = [
  ['3 bands of 64 px, noise', { bands: 3, size: 64, noise: true }],
  ['3 bands of 64 px', { bands: 3, size: 64, noise: false }],
  ['1 band of 17 px, noise', { bands: 1, size: 17, noise: true }],
  ['2 bands of 33 px', { bands: 2, size: 33, noise: false }],
];

/** Arcs of 1e-3 to 1e6 electrons a pixel with dark pixels, ringing below zero, holes in the coverage, cores, and both kinds of gain. */
function sample(count: number, seed: number): SampleCase<InjectStampOptions>[] {
  return VARIANTS.flatMap(([label, options], index) => {
    const items = Math.floor((count + VARIANTS.length - 1 - index) / VARIANTS.length);
    return items === 0 ? [] : [{ label, options, count: items, inputs: sampleInputs(options, items, seed + index) }];
  });
}

function sampleInputs(options: InjectStampOptions, items: number, seed: number): Record<string, HostArrays> {
  const { bands, size } = options;
  const pixels = size * size;
  const stream = new PhiloxStream(philoxKey(seed));
  const convolved = new Float64Array(items * bands * pixels);
  const weights = Float64Array.from(convolved, () => (stream.uniform() < 0.1 ? 0 : stream.between(5, 500)));
  const gain = new Float64Array(items * bands);
  const gainPerInvvar = new Float64Array(items * bands);
  const key = Uint32Array.from({ length: 2 * items }, () => stream.word());
  // Sixteenths of a pixel: whether a pixel is in the core is then the same in float32.
  const sixteenths = (low: number, high: number): Float64Array =>
    Float64Array.from({ length: items }, (_, item) => (item % 3 === 2 ? 0 : Math.round(16 * stream.between(low, high)) / 16));
  for (let plane = 0; plane < items * bands; plane++) {
    const kind = plane % 4;
    if (kind === 0 || kind === 2) gain[plane] = stream.between(50, 5000);
    if (kind === 1 || kind === 2) gainPerInvvar[plane] = stream.between(1, 50);
    const item = Math.floor(plane / bands);
    const words = noiseWords(key[2 * item], key[2 * item + 1], plane % bands);
    for (let pixel = 0; pixel < pixels; pixel++) {
      const at = plane * pixels + pixel;
      const unit = kind === 3 ? 1000 : gain[plane] + gainPerInvvar[plane] * Math.max(weights[at], 1);
      const word = words.word();
      const draw = stream.uniform();
      if (draw < 0.1) convolved[at] = draw < 0.05 ? 0 : -draw;
      else convolved[at] = electronsClearOfSteps(stream, word) / unit;
    }
  }
  const core = { x: sixteenths(0, size), y: sixteenths(0, size), radius: sixteenths(0, size / 3) };
  return { convolved, weights, core, gain, gain_per_invvar: gainPerInvvar, key };
}

type HostArrays = SampleCase<InjectStampOptions>['inputs'][string];

/** Above this many electrons one more or less is within the tolerance. */
const COUNTED_BELOW = 1.5e5;

/** A mean whose count stays the same when mean and uniform move by 1e-6. */
function electronsClearOfSteps(stream: PhiloxStream, word: number): number {
  for (;;) {
    const electrons = 10 ** stream.between(-3, 6);
    if (electrons > COUNTED_BELOW) return electrons;
    const fewest = poissonOfWord(electrons * (1 - 1e-6), Math.min(word + 4096, 0xffffffff));
    if (poissonOfWord(electrons * (1 + 1e-6), Math.max(word - 4096, 0)) === fewest) return electrons;
  }
}
