/** What goes to the worker of one cell, made of simulated stars: for tests of its parts. */
import { PhiloxStream, philoxKey } from '../../src/core/rng.ts';
import { FitFileSchema } from '../../src/pipelines/photometry/config.ts';
import type { CellTask, EpsfSettings } from '../../src/pipelines/photometry/epsf/cell-types.ts';
import { integrated, moffat } from './epsf-stars.ts';

export const settingsOf = (epsf: Record<string, unknown> = {}): EpsfSettings =>
  FitFileSchema.parse({ inputs: { input_catalog: 'c', image_list_file: 'i' }, outputs: { work_dir: '/w' }, epsf }).epsf;

/** Pixels along a side. */
export const SIZE = 160;
export type Source = { x: number; y: number; flux: number; fwhm?: number };

/** A section with stars in noise of sigma 1 and a cell that is all of it. */
export function taskOf(sources: readonly Source[], epsf: Record<string, unknown> = {}, more: Partial<CellTask> = {}): CellTask {
  const random = new PhiloxStream(philoxKey(11));
  const image = Float32Array.from({ length: SIZE * SIZE }, () => random.normal());
  for (const { x, y, flux, fwhm = 3 } of sources) {
    const [left, low] = [Math.round(x) - 15, Math.round(y) - 15];
    integrated(moffat(fwhm, 3.5), x - left, y - low, 31).forEach((value, k) => {
      image[(low + Math.floor(k / 31)) * SIZE + left + (k % 31)] += flux * value;
    });
  }
  const box = { x0: 0, y0: 0, width: SIZE, height: SIZE };
  return {
    frame: { band: 'm400', sigmaSky: 1, saturation: Number.POSITIVE_INFINITY, gain: 1e6, fwhmPx: 3 },
    cell: { ...box, row: 0, column: 0, tag: 'r00_c00' },
    section: box,
    image,
    bad: new Uint8Array(SIZE * SIZE),
    seeds: { x: new Float64Array(0), y: new Float64Array(0) },
    known: knownAt(),
    profile: 'arclet',
    settings: settingsOf({ cutout_size: 21, edge_pad: 2, min_sep: 20, minarea: 9, ...epsf }),
    folder: '',
    dpi: 75,
    ...more,
  };
}

/** Sources of the catalogue: x, y, flux, and whether TYPE calls them a galaxy. */
export function knownAt(...rows: [number, number, number, boolean?][]): CellTask['known'] {
  return {
    x: Float64Array.from(rows, ([x]) => x),
    y: Float64Array.from(rows, ([, y]) => y),
    flux: Float64Array.from(rows, ([, , flux]) => flux),
    extended: Uint8Array.from(rows, ([, , , galaxy]) => +(galaxy ?? false)),
  };
}

/** Gaia stars. */
export const seedsAt = (...places: [number, number][]) => ({
  x: Float64Array.from(places, ([x]) => x),
  y: Float64Array.from(places, ([, y]) => y),
});
/** Whole pixels of stars. */
export const near = (stars: readonly { x: number; y: number }[]) => stars.map(({ x, y }) => [Math.round(x), Math.round(y)]);
