/** Float64 twin of convolve-psf. */
import { Recent } from '../../src/core/recent.ts';
import type { CpuTwin } from '../../src/engine/kernel.ts';
import { convolveDirect, convolveSeparable, separate, sharpenedPsf } from './direct.ts';
import { type ConvolvePsfOptions, psfStampSide, spectralShape } from './options.ts';
import { SpectralConvolver } from './spectral.ts';

interface SpectralWorkspace {
  readonly spectral: SpectralConvolver;
  readonly sources: Float64Array[];
  readonly mixed: Float64Array;
  readonly psf: Float64Array;
}

interface SummedWorkspace {
  readonly mixed: Float64Array;
  readonly sharp: Float64Array;
  readonly columns: Float64Array;
  readonly rows: Float64Array;
  readonly partial: Float64Array;
}

/** Scratch of the last few option sets: allocated per row it would be most of a long run's garbage. */
const spectralWorkspaces = new Recent<SpectralWorkspace>();
const summedWorkspaces = new Recent<SummedWorkspace>();

function makeSpectral(options: ConvolvePsfOptions): SpectralWorkspace {
  const spectral = new SpectralConvolver(spectralShape(options));
  const spectrum = (): Float64Array => new Float64Array(spectral.spectrumLength);
  return { spectral, sources: Array.from({ length: options.components }, spectrum), mixed: spectrum(), psf: spectrum() };
}

function makeSummed(options: ConvolvePsfOptions): SummedWorkspace {
  const { grid, oversample, size, rank } = options;
  const side = psfStampSide(options);
  const cells = grid * oversample;
  return {
    mixed: new Float64Array(cells * cells),
    sharp: new Float64Array(side * side),
    columns: new Float64Array(rank * side),
    rows: new Float64Array(rank * side),
    partial: new Float64Array(cells * size),
  };
}

export const cpu: CpuTwin<ConvolvePsfOptions> = (options, inputs, outputs, count) => {
  const { method, size, grid, oversample, components, bands } = options;
  const cells = inputs['cells'] as Float64Array;
  const flux = inputs['flux'] as Float64Array;
  const psf = inputs['psf'] as Float64Array;
  const blurs = inputs['blurs'] as Uint32Array;
  const lensed = inputs['lensed'] as Float64Array;
  const convolved = outputs['convolved'] as Float64Array;
  const cellCount = (grid * oversample) ** 2;
  const stampArea = psfStampSide(options) ** 2;
  for (let item = 0; item < count; item++) {
    const planes = Array.from({ length: components }, (_, component) => {
      const from = (item * components + component) * cellCount;
      return cells.subarray(from, from + cellCount);
    });
    const weights = Array.from({ length: bands }, (_, band) =>
      planes.map((_p, c) => flux[(item * components + c) * bands + band]),
    );
    const needed = Array.from({ length: bands }, (_, band) => blurs[item * bands + band] !== 0);
    for (let band = 0; band < bands; band++) {
      if (needed[band]) continue;
      const at = (item * bands + band) * size * size;
      convolved.set(lensed.subarray(at, at + size * size), at);
    }
    if (!needed.includes(true)) continue;
    if (method === 'fft') convolveSpectral(options, planes, weights, needed, psf, item, convolved);
    else convolveSummed(options, planes, weights, needed, psf.subarray(item * bands * stampArea), item, convolved);
  }
};

function convolveSpectral(
  options: ConvolvePsfOptions,
  planes: readonly Float64Array[],
  weights: readonly number[][],
  needed: readonly boolean[],
  psf: Float64Array,
  item: number,
  out: Float64Array,
): void {
  const { bands, size } = options;
  const work = spectralWorkspaces.get(options, () => makeSpectral(options));
  const side = psfStampSide(options);
  planes.forEach((plane, component) => {
    work.spectral.cellSpectrum(plane, work.sources[component]);
  });
  for (let band = 0; band < bands; band++) {
    if (!needed[band]) continue;
    const single = work.sources.length === 1;
    if (!single) mix(work.sources, weights[band], work.mixed);
    work.spectral.psfSpectrum(psf, side, (item * bands + band) * side * side, work.psf);
    const source = single ? work.sources[0] : work.mixed;
    work.spectral.multiplyAndInvert(source, work.psf, single ? weights[band][0] : 1, out, (item * bands + band) * size * size);
  }
}

function convolveSummed(
  options: ConvolvePsfOptions,
  planes: readonly Float64Array[],
  weights: readonly number[][],
  needed: readonly boolean[],
  psf: Float64Array,
  item: number,
  out: Float64Array,
): void {
  const { bands, size, method, rank } = options;
  const side = psfStampSide(options);
  const { mixed, sharp, columns, rows, partial } = summedWorkspaces.get(options, () => makeSummed(options));
  for (let band = 0; band < bands; band++) {
    if (!needed[band]) continue;
    mix(planes, weights[band], mixed);
    sharpenedPsf(psf, band * side * side, side, sharp);
    const at = (item * bands + band) * size * size;
    if (method === 'direct') {
      convolveDirect(options, mixed, sharp, out, at);
    } else {
      separate(sharp, side, rank, columns, rows, sharp);
      convolveSeparable(options, mixed, columns, rows, partial, out, at);
    }
  }
}

function mix(planes: readonly Float64Array[], weights: readonly number[], out: Float64Array): void {
  const first = planes[0];
  for (let i = 0; i < out.length; i++) out[i] = weights[0] * first[i];
  for (let component = 1; component < planes.length; component++) {
    const plane = planes[component];
    for (let i = 0; i < out.length; i++) out[i] += weights[component] * plane[i];
  }
}
