import { describe, expect, it } from 'vitest';
import { cpu } from '../../kernels/convolve-psf/cpu.ts';
import { separate, sharpenedPsf } from '../../kernels/convolve-psf/direct.ts';
import { gpu } from '../../kernels/convolve-psf/gpu.ts';
import {
  type ConvolvePsfOptions,
  psfOffsetPixels,
  psfOversample,
  psfStampSide,
  transformLength,
} from '../../kernels/convolve-psf/options.ts';
import { spec } from '../../kernels/convolve-psf/spec.ts';
import { PhiloxStream, philoxKey } from '../../src/core/rng.ts';
import type { DeviceArray, PassRecorder } from '../../src/engine/kernel.ts';
import { agreementSuite } from '../support/agreement.ts';

type Kernel = (dx: number, dy: number) => number;

const METHODS = ['fft', 'direct', 'separable'] as const;
const COUNTS = [1, 2, 3, 4];
const EVERY = METHODS.flatMap((method) => COUNTS.map((oversample) => ({ method, oversample })));

function optionsFor(changes: Partial<ConvolvePsfOptions> & { method: ConvolvePsfOptions['method'] }): ConvolvePsfOptions {
  const shape = { size: 24, radius: 12, ...changes };
  const pad = changes.pad ?? shape.radius;
  const grid = changes.grid ?? shape.size + pad + shape.radius;
  const length = transformLength({ size: shape.size, radius: shape.radius, pad, grid });
  return { oversample: 1, components: 1, bands: 1, rank: 6, length, ...shape, pad, grid };
}

/** sigma 2 px: nothing beyond half a cycle per px (3e-9) nor beyond 12 px (1e-8). */
const gaussian: Kernel = (dx, dy) => Math.exp(-(dx * dx + dy * dy) / 8) / (8 * Math.PI);

/** FWHM 5 px, beta 3.5. */
const moffat: Kernel = (dx, dy) => (2.5 / Math.PI / 32.5) * (1 + (dx * dx + dy * dy) / 28.5) ** -3.5;

/** Samples of a kernel as the options want them. */
function stampOf(options: ConvolvePsfOptions, kernel: Kernel): Float64Array {
  const side = psfStampSide(options);
  const samples = psfOversample(options);
  const at = (i: number): number => i / samples - options.radius - psfOffsetPixels(options);
  return Float64Array.from({ length: side * side }, (_, i) => kernel(at(i % side), at(Math.floor(i / side))));
}

/** Centre of a cell on an axis, px of the stamp. */
function cellCentre({ oversample, pad }: ConvolvePsfOptions, cell: number): number {
  return (cell + 0.5) / oversample - 0.5 - pad;
}

/** The kernel with the cells' response taken out, to second order: what `direct` convolves with. */
function sharp(kernel: Kernel, oversample: number): Kernel {
  const h = 1 / oversample;
  return (x, y) => {
    const around = kernel(x - h, y) + kernel(x + h, y) + kernel(x, y - h) + kernel(x, y + h);
    return kernel(x, y) + (around - 4 * kernel(x, y)) / 24;
  };
}

/** The convolution as its definition reads. */
function reference(options: ConvolvePsfOptions, cells: Float64Array, kernel: Kernel): Float64Array {
  const side = options.grid * options.oversample;
  const out = new Float64Array(options.size ** 2);
  cells.forEach((light, cell) => {
    if (light === 0) return;
    const x = cellCentre(options, cell % side);
    const y = cellCentre(options, Math.floor(cell / side));
    for (let i = 0; i < out.length; i++) out[i] += light * kernel((i % options.size) - x, Math.floor(i / options.size) - y);
  });
  return out;
}

function impulse(options: ConvolvePsfOptions, x: number, y: number): Float64Array {
  const side = options.grid * options.oversample;
  const cells = new Float64Array(side * side);
  cells[y * side + x] = 1;
  return cells;
}

function convolve(options: ConvolvePsfOptions, cells: Float64Array, kernel: Kernel): Float64Array {
  const convolved = new Float64Array(options.size ** 2).fill(Number.NaN);
  const inputs = { flux: Float64Array.of(1), blurs: Uint32Array.of(1), lensed: new Float64Array(convolved.length) };
  cpu(options, { cells, psf: stampOf(options, kernel), ...inputs }, { convolved }, 1);
  return convolved;
}

function largest(values: ArrayLike<number>): number {
  return Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

function sumOf(values: ArrayLike<number>): number {
  return Array.from(values).reduce((total, value) => total + value, 0);
}

/** Largest difference over the largest expected value. */
function worst(found: Float64Array, expected: Float64Array): number {
  return largest(found.map((value, i) => value - expected[i])) / largest(expected);
}

/** A ring with knots in the middle of the grid. */
function ring(options: ConvolvePsfOptions): Float64Array {
  const side = options.grid * options.oversample;
  const k = options.oversample;
  return Float64Array.from({ length: side * side }, (_, i) => {
    const r = Math.hypot((i % side) - side / 2, Math.floor(i / side) - side / 2) / k;
    return (Math.exp(-((r - 6) ** 2)) + (i % 97 === 0 && r < 9 ? 0.5 : 0)) / (k * k);
  });
}

agreementSuite('convolve-psf', { count: 500, seed: 5, bitItems: 8 });

describe('convolve-psf twin', () => {
  it.each(EVERY)('$method, $oversample cells: a lit cell becomes the PSF about its centre', ({ method, oversample }) => {
    const options = optionsFor({ method, oversample });
    const middle = Math.floor((options.grid * oversample) / 2);
    for (const [x, y] of [
      [middle, middle],
      [middle - 1, middle + 2 * oversample + 1],
    ]) {
      const cells = impulse(options, x, y);
      const found = convolve(options, cells, gaussian);
      const expected = reference(options, cells, sharp(gaussian, oversample));
      // The transform divides by the exact response of a cell, sums by its second order: apart with the fourth power of the cell.
      expect(worst(found, expected)).toBeLessThan(method === 'fft' ? 6e-3 / oversample ** 4 : 1e-6);
      const centroid = sumOf(found.map((value, i) => value * (i % options.size))) / sumOf(found);
      expect(Math.abs(centroid - cellCentre(options, x))).toBeLessThan(1e-5);
    }
  });

  it.each(EVERY)('$method, $oversample cells: a kernel larger than the stamp', ({ method, oversample }) => {
    const options = optionsFor({ method, oversample, size: 9 });
    const cells = ring(options);
    const expected = reference(options, cells, sharp(gaussian, oversample));
    expect(worst(convolve(options, cells, gaussian), expected)).toBeLessThan(method === 'fft' ? 2e-3 / oversample ** 4 : 1e-6);
  });

  it.each(EVERY)(
    '$method, $oversample cells: light off one edge scatters in there and nowhere else',
    ({ method, oversample }) => {
      const options = optionsFor({ method, oversample });
      const { size, pad, grid, radius } = options;
      // As short as can be: one sample less would wrap around.
      expect(options.length).toBe(radius + pad + size);
      const row = (pad + size / 2) * oversample;
      const near = (pad - 1) * oversample;
      for (const [x, y, away] of [
        [0, row, (i: number) => i % size],
        [near, row, (i: number) => i % size],
        [grid * oversample - 1, row, (i: number) => size - 1 - (i % size)],
        [row, 0, (i: number) => Math.floor(i / size)],
        [row, grid * oversample - 1, (i: number) => size - 1 - Math.floor(i / size)],
      ] as const) {
        const found = convolve(options, impulse(options, x, y), gaussian);
        const far = found.filter((_, i) => away(i) >= radius);
        expect(largest(far)).toBeLessThan(1e-6 * gaussian(0, 0));
        if (x !== near) continue;
        expect(found[(size / 2) * size] / gaussian(1, 0)).toBeGreaterThan(0.8);
      }
    },
  );

  it.each(EVERY)('$method, $oversample cells: conserves flux', ({ method, oversample }) => {
    const options = optionsFor({ method, oversample, size: 40 });
    const cells = ring(options);
    expect(Math.abs(sumOf(convolve(options, cells, gaussian)) / sumOf(cells) - 1)).toBeLessThan(1e-6);
  });

  it.each([2, 3, 4])('fft equals direct for a Moffat of FWHM 5 px, %d cells', (oversample) => {
    const at = { oversample, radius: 24 };
    const options = optionsFor({ method: 'fft', ...at });
    const cells = ring(options);
    expect(
      worst(convolve(options, cells, moffat), convolve(optionsFor({ method: 'direct', ...at }), cells, moffat)),
    ).toBeLessThan(1e-4);
  });

  it.each(COUNTS)('separable equals direct within the residual of its terms, %d cells', (oversample) => {
    const direct = optionsFor({ method: 'direct', oversample });
    const cells = ring(direct);
    const expected = convolve(direct, cells, moffat);
    const side = psfStampSide(direct);
    const psf = new Float64Array(side * side);
    sharpenedPsf(stampOf(direct, moffat), 0, side, psf);
    const bounds = [2, 4, 6].map((rank) => {
      const residual = separate(psf, side, rank, new Float64Array(rank * side), new Float64Array(rank * side));
      const found = convolve(optionsFor({ method: 'separable', oversample, rank }), cells, moffat);
      const bound = residual * largest(cells) * sumOf(psf.map(Math.abs));
      expect(largest(found.map((value, i) => value - expected[i]))).toBeLessThan(bound + 1e-14);
      return residual;
    });
    expect(bounds[1]).toBeLessThan(bounds[0]);
    expect(bounds[2]).toBeLessThan(2e-5);
  });

  it('symmetric PSFs with the rounding of float32 separate as exact ones do: it must not choose between equal pivots', () => {
    const stream = new PhiloxStream(philoxKey(3));
    const side = 25;
    const productOf = (psf: Float64Array): Float64Array => {
      const [columns, rows] = [new Float64Array(6 * side), new Float64Array(6 * side)];
      separate(psf, side, 6, columns, rows);
      const terms = [0, 1, 2, 3, 4, 5].map((term) => term * side);
      return psf.map((_, i) => sumOf(terms.map((at) => columns[at + Math.floor(i / side)] * rows[at + (i % side)])));
    };
    for (let alpha2 = 4; alpha2 < 60; alpha2++) {
      const psf = Float64Array.from({ length: side * side }, (_, i) => {
        const [x, y] = [(i % side) - 12, Math.floor(i / side) - 12];
        return (1 + (x * x + y * y - 0.4 * x * y) / alpha2) ** -2.5;
      });
      const rounded = psf.map((value) => value * (1 + 1.2e-7 * (stream.uniform() - 0.5)));
      expect(worst(productOf(rounded), productOf(psf))).toBeLessThan(1e-6);
    }
  });

  it('weights components by their fluxes and copies bands without a PSF', () => {
    for (const method of METHODS) {
      const options = optionsFor({ method, oversample: 2, components: 2, bands: 3, size: 10, radius: 6 });
      const one = { ...options, components: 1, bands: 1 };
      const planes = [ring(options), impulse(options, 20, 25)];
      const stamp = stampOf(options, gaussian);
      const unused = new Float64Array(stamp.length).fill(Number.NaN);
      const inputs = {
        cells: Float64Array.from([...planes[0], ...planes[1]]),
        flux: Float64Array.of(1, 2, 3, 4, 5, 6),
        psf: Float64Array.from([...stamp, ...unused, ...stamp]),
        blurs: Uint32Array.of(1, 0, 1),
        lensed: Float64Array.from({ length: 300 }, (_, i) => i),
      };
      const convolved = new Float64Array(300).fill(Number.NaN);
      cpu(options, inputs, { convolved }, 1);
      const [first, second] = planes.map((plane) => convolve(one, plane, gaussian));
      const mix = (a: number, b: number): Float64Array => first.map((value, i) => a * value + b * second[i]);
      expect(worst(convolved.subarray(0, 100), mix(1, 4))).toBeLessThan(1e-12);
      expect(convolved.subarray(100, 200)).toEqual(inputs.lensed.subarray(100, 200));
      expect(worst(convolved.subarray(200), mix(3, 6))).toBeLessThan(1e-12);
    }
  });
});

describe('convolve-psf on the device', () => {
  const array = {} as DeviceArray;
  /** Counts the bytes of scratch, grants WebGPU's least workgroup memory. */
  const countingRecorder = (): PassRecorder & { taken: number } => ({
    taken: 0,
    dispatch: () => undefined,
    scratch(bytes) {
      this.taken += bytes;
      return array;
    },
    constant: () => array,
    uniform: () => array,
    limits: { maxComputeWorkgroupStorageSize: 16384 } as GPUSupportedLimits,
  });

  it('takes the scratch that it announces', () => {
    for (const { options, label } of spec.sample(1, 1)) {
      const recorder = countingRecorder();
      gpu.encode(recorder, options, {}, {}, 7);
      expect(`${label}: ${recorder.taken}`).toBe(`${label}: ${7 * (gpu.scratchBytesPerItem?.(options) ?? 0)}`);
    }
  });

  it('says when a transform is too long for the device', () => {
    const encode = (size: number): void => gpu.encode(countingRecorder(), optionsFor({ method: 'fft', size }), {}, {}, 1);
    expect(() => encode(512 - 24)).not.toThrow();
    expect(() => encode(513 - 24)).toThrow(
      'a transform of length 768 needs 18432 bytes of workgroup memory, the device has 16384',
    );
  });
});
