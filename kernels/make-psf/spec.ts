/**
 * make-psf: one effective-PSF stamp per (item, band), on the oversampled grid that convolve-psf wants.
 */
import type { KernelSpec, SampleCase } from '../../src/engine/kernel.ts';
import { samplePsfs } from '../psf-samples.ts';
import { PSF_LAYOUT, psfColumns } from '../psf-struct.ts';
import { HALF_SIDE_ORDER } from './flux.ts';

export interface MakePsfOptions {
  /** PSFs per item. */
  readonly bands: number;
  /** Samples per native pixel and axis, 1 .. 4. */
  readonly oversample: number;
  /** Half-width of the stamp, whole native pixels. */
  readonly radius: number;
  /**
   * `stamp`: samples sum to oversample^2, so the truncated PSF keeps the flux. `infinite`: the value of the
   * infinite-plane PSF, so the truncated part is lost.
   */
  readonly normalise: 'stamp' | 'infinite';
  /** Side of the bank's stamps in samples; 1 when no row is pixelised. */
  readonly bankSide: number;
}

/** Samples per side: 2 radius oversample + 1; the centre sample has index radius * oversample on both axes. */
export function psfSide(options: Pick<MakePsfOptions, 'oversample' | 'radius'>): number {
  return 2 * options.radius * options.oversample + 1;
}

export const spec: KernelSpec<MakePsfOptions> = {
  slug: 'make-psf',
  title: 'effective PSF stamps: Moffat, Gaussian, pixelised or none',
  inputs: {
    psf: {
      kind: { struct: PSF_LAYOUT },
      perItem: true,
      shape: (options) => [options.bands],
      unit: 'native px',
      doc: 'parameters of each PSF, from psfParameters',
    },
    bank: {
      kind: 'float',
      perItem: false,
      shape: (options) => [-1, options.bankSide, options.bankSide],
      unit: 'any',
      doc: 'stamps of pixelised PSFs [y, x], centred at (bankSide - 1)/2; one dummy sample when there is none',
    },
  },
  outputs: {
    psf: {
      kind: 'float',
      perItem: true,
      shape: (options) => [options.bands, psfSide(options), psfSide(options)],
      unit: 'fraction of flux per native pixel',
      doc: 'PSF samples [y, x], spaced 1/oversample native px about the centre sample',
    },
    fluxLost: {
      kind: 'float',
      perItem: true,
      shape: (options) => [options.bands],
      unit: 'fraction',
      doc: "part of the infinite-plane flux outside the row's truncation square; 0 for stamps and none",
    },
  },
  tolerances: {
    psf: {
      kind: 'of-peak',
      value: 2e-6,
      why: 'float32 positions and beta log(1 + r^2): 3.4e-7 at worst over 4500 PSFs on SwiftShader, where division and root are correctly rounded; they may be 2.5 ULP elsewhere',
    },
    fluxLost: {
      kind: 'absolute',
      value: 5e-7,
      why: '128 float32 terms of a mean that is at most 1: 7.5e-8 at worst on SwiftShader',
    },
  },
  sample,
  cost,
};

const SAMPLE_VARIANTS = [
  { oversample: 1, radius: 12, normalise: 'stamp' },
  { oversample: 1, radius: 9, normalise: 'infinite' },
  { oversample: 2, radius: 7, normalise: 'infinite' },
  { oversample: 3, radius: 5, normalise: 'stamp' },
  { oversample: 4, radius: 4, normalise: 'stamp' },
] as const;

/** Every model, with and without the pixel, every oversampling and both normalisations; three of five items at oversample 1. */
function sample(count: number, seed: number): SampleCase<MakePsfOptions>[] {
  const shares = [0.3, 0.3, 0.2, 0.1, 0.1];
  const bankSide = 25;
  const bankStamps = 3;
  let left = count;
  return SAMPLE_VARIANTS.flatMap((variant, index) => {
    const last = index === SAMPLE_VARIANTS.length - 1;
    const items = last ? left : Math.min(left, Math.ceil(count * shares[index]));
    left -= items;
    if (items === 0) return [];
    const options = { ...variant, bands: 1 + (index % 3), bankSide };
    const limits = { radiusPixels: variant.radius };
    const psfs = samplePsfs(items, options.bands, seed + index, { bankSide, bankStamps, limits });
    const label = `k ${variant.oversample}, ${variant.normalise}`;
    return [{ label, options, count: items, inputs: { psf: psfColumns(psfs), bank: sampleBank(bankStamps, bankSide) } }];
  });
}

/** Smooth lopsided stamps: a tilted Gaussian with a shoulder. */
function sampleBank(stamps: number, side: number): Float64Array {
  const bank = new Float64Array(stamps * side * side);
  const centre = (side - 1) / 2;
  for (let stamp = 0, at = 0; stamp < stamps; stamp++) {
    for (let y = -centre; y <= centre; y++) {
      for (let x = -centre; x <= centre; x++, at++) {
        const core = Math.exp(-(x * x + y * y + 0.4 * x * y) / (2 * (2 + stamp) ** 2));
        bank[at] = core + 0.05 * Math.exp(-((x - 4) ** 2 + (y + 3) ** 2) / 8);
      }
    }
  }
  return bank;
}

/**
 * A Moffat sample: 10 flops for its position, ~40 for log and exp; pixel integration at order 4 is 16 of them, taken for
 * half of the rows. Traffic: the stamps once out, the structs once in.
 */
function cost(options: MakePsfOptions, count: number): { flops: number; bytes: number } {
  const psfs = count * options.bands;
  const samples = psfSide(options) ** 2;
  return {
    flops: psfs * (samples * 50 * 8.5 + 8 * HALF_SIDE_ORDER * 70),
    bytes: psfs * (PSF_LAYOUT.byteSize + 4 * samples + 4),
  };
}
