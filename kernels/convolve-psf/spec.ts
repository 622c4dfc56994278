/** Contract of convolve-psf. */

import { PhiloxStream, philoxKey } from '../../src/core/rng.ts';
import type { ArraySpec, KernelSpec, SampleCase } from '../../src/engine/kernel.ts';
import { cpu as makePsf } from '../make-psf/cpu.ts';
import { samplePsfs } from '../psf-samples.ts';
import { psfColumns } from '../psf-struct.ts';
import { type ConvolvePsfOptions, psfOffsetPixels, psfOversample, psfStampSide, transformLength } from './options.ts';

type Spec = ArraySpec<ConvolvePsfOptions>;

const stamps = ({ bands, size }: ConvolvePsfOptions): number[] => [bands, size, size];

const inputs: Record<string, Spec> = {
  cells: {
    kind: 'float',
    perItem: true,
    shape: ({ components, grid, oversample }) => [components, grid * oversample, grid * oversample],
    unit: 'fraction of the source flux',
    doc: 'Light per cell with first moments handed to neighbours, as render-lensed gives it.',
  },
  flux: {
    kind: 'float',
    perItem: true,
    shape: ({ components, bands }) => [components, bands],
    unit: 'nanomaggy',
    doc: 'Flux of every component in every band.',
  },
  psf: {
    kind: 'float',
    perItem: true,
    shape: (options) => [options.bands, psfStampSide(options), psfStampSide(options)],
    unit: 'fraction of flux per px',
    doc: 'Effective PSF stamps from make-psf, at the spacing and offset of psfOversample and psfOffsetPixels.',
  },
  blurs: {
    kind: 'u32',
    perItem: true,
    shape: ({ bands }) => [bands],
    unit: '-',
    doc: '0: the band has no PSF and is copied from `lensed`.',
  },
  lensed: {
    kind: 'float',
    perItem: true,
    shape: stamps,
    unit: 'nanomaggy/px',
    doc: 'Stamps before the PSF, for bands without one.',
  },
};

const outputs: Record<string, Spec> = {
  convolved: { kind: 'float', perItem: true, shape: stamps, unit: 'nanomaggy/px', doc: 'Stamps as the camera sees them.' },
};

type Variant = [label: string, options: ConvolvePsfOptions];

function variant(
  changes: Partial<ConvolvePsfOptions> & Pick<ConvolvePsfOptions, 'method' | 'size' | 'radius'>,
): ConvolvePsfOptions {
  const { size, radius } = changes;
  const pad = changes.pad ?? radius;
  const grid = changes.grid ?? Math.ceil((size + pad + radius) / 8) * 8;
  return {
    oversample: 1,
    components: 1,
    bands: 2,
    rank: 6,
    length: transformLength({ size, pad, grid, radius }),
    pad,
    grid,
    ...changes,
  };
}

/** A few bright knots and a smooth ring on the cell grid: what arcs look like to a convolution. */
function sampleCells(options: ConvolvePsfOptions, count: number, stream: PhiloxStream): Float64Array {
  const side = options.grid * options.oversample;
  const cells = new Float64Array(count * options.components * side * side);
  for (let plane = 0; plane < count * options.components; plane++) {
    const from = plane * side * side;
    const radius = side * stream.between(0.1, 0.3);
    const width = options.oversample * stream.between(0.5, 2);
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) {
        const r = Math.hypot(x - side / 2, y - side / 2) - radius;
        cells[from + y * side + x] = Math.exp((-0.5 * r * r) / (width * width)) / (radius * width * 16);
      }
    }
    for (let knot = 0; knot < 8; knot++) cells[from + stream.integer(side * side)] += 0.05 * stream.uniform();
  }
  return cells;
}

function buildCase(label: string, options: ConvolvePsfOptions, count: number, seed: number): SampleCase<ConvolvePsfOptions> {
  const stream = new PhiloxStream(philoxKey(seed));
  const { bands, components, radius, size } = options;
  const offset = psfOffsetPixels(options);
  const parameters = samplePsfs(count, bands, seed, { bankSide: 1, bankStamps: 0, limits: { radiusPixels: radius } });
  for (const psf of parameters) {
    psf.dx += offset;
    psf.dy += offset;
  }
  const side = psfStampSide(options);
  const psf = new Float64Array(count * bands * side * side);
  makePsf(
    { bands, oversample: psfOversample(options), radius, normalise: 'stamp', bankSide: 1 },
    { psf: psfColumns(parameters), bank: new Float64Array(1) },
    { psf, fluxLost: new Float64Array(count * bands) },
    count,
  );
  return {
    label,
    options,
    count,
    inputs: {
      cells: sampleCells(options, count, stream),
      flux: Float64Array.from({ length: count * components * bands }, () => stream.between(0.5, 3)),
      psf,
      blurs: Uint32Array.from({ length: count * bands }, (_, i) => (i % 7 === 6 ? 0 : 1)),
      lensed: Float64Array.from({ length: count * bands * size * size }, () => stream.uniform()),
    },
  };
}

export const spec: KernelSpec<ConvolvePsfOptions> = {
  slug: 'convolve-psf',
  title: 'linear convolution of cells with per-row per-band PSFs: FFT, direct, separable',
  inputs,
  outputs,
  tolerances: {
    convolved: {
      kind: 'of-peak',
      value: 5e-6,
      why: 'f32: transforms up to length 192 keep 5e-7, sums over taps and separable terms 3e-7 (measured)',
    },
  },

  sample(count, seed) {
    const fft = (label: string, size: number, radius: number, changes: Partial<ConvolvePsfOptions> = {}): Variant => [
      `fft, ${label}`,
      variant({ method: 'fft', size, radius, ...changes }),
    ];
    const cases: [fraction: number, ...Variant][] = [
      [0.04, ...fft('64 px, native', 64, 20, { bands: 3 })],
      [0.06, ...fft('37 px, 3 cells, 2 components', 37, 10, { oversample: 3, components: 2 })],
      [0.01, ...fft('61 px, 4 cells, length 96', 61, 14, { oversample: 4, bands: 1 })],
      [0.002, ...fft('101 px, 4 cells, length 192', 101, 24, { oversample: 4, bands: 1 })],
      [0.1, 'direct, 24 px, native', variant({ method: 'direct', size: 24, radius: 6 })],
      [
        0.1,
        'direct, 24 px, 2 cells, 2 components',
        variant({ method: 'direct', size: 24, radius: 4, oversample: 2, components: 2 }),
      ],
      [0.04, 'direct, 17 px, 3 cells, no padding', variant({ method: 'direct', size: 17, radius: 3, pad: 0, oversample: 3 })],
      [0.1, 'separable, 24 px, 2 cells', variant({ method: 'separable', size: 24, radius: 6, oversample: 2 })],
      [0.05, 'separable, 24 px, native, rank 3', variant({ method: 'separable', size: 24, radius: 8, rank: 3 })],
    ];
    const built = cases.map(([fraction, label, options], index) =>
      buildCase(label, options, Math.max(1, Math.round(fraction * count)), seed + 1 + index),
    );
    const rest = Math.max(
      1,
      built.reduce((left, sample) => left - sample.count, count),
    );
    return [buildCase(...fft('24 px, 2 cells', 24, 10, { oversample: 2 }), rest, seed), ...built];
  },

  cost(options, count) {
    const { method, size, grid, oversample: k, components, bands, length: M, rank } = options;
    const side = psfStampSide(options);
    const line = 5 * M * Math.log2(M);
    const cells = components * (k * grid) ** 2;
    let flops: number;
    if (method === 'fft') {
      const forward = components * ((k * grid * k) / 2 + (M / 2) * k) * line;
      const band = (side / 2 + M / 2 + M / 2 + size / 2) * line + 8 * components * M * M;
      flops = forward + bands * band;
    } else if (method === 'direct') {
      flops = bands * 2 * size * size * side * side;
    } else {
      flops = bands * rank * 2 * side * size * (k * grid + size);
    }
    return { flops: count * flops, bytes: count * 4 * (cells + bands * (side * side + size * size)) };
  },
};
