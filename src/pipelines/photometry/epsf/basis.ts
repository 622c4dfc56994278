/** PSFs of the cells of a band in one file, from which the PSF at any place is interpolated. */
import { npzBytes, readNpz } from '../../../io/npz.ts';
import { type AlignedCells, alignCells, type Epsf } from '../../../sky/epsf/index.ts';
import type { EpsfCell } from '../field.ts';
import { putObject } from '../places.ts';

export type BandCells = AlignedCells;

/**
 * The PSFs of the cells of a frame, on one grid of nodes, those of cells without one from the cells around; undefined where no cell has one.
 *
 * @param epsfs by tag of the cell
 */
export function bandCells(cells: readonly EpsfCell[], epsfs: ReadonlyMap<string, Epsf | undefined>): BandCells | undefined {
  if (epsfs.size === 0) return undefined;
  const edges = (ends: readonly [number, number][]) => [...new Set(ends.flat())].sort((one, other) => one - other);
  return alignCells({
    xEdges: edges(cells.map(({ x0, width }) => [x0, x0 + width])),
    yEdges: edges(cells.map(({ y0, height }) => [y0, y0 + height])),
    epsfs: cells.map(({ tag }) => epsfs.get(tag)),
  });
}

/**
 * Writes the PSFs of a band as .npz: `coefficients` [cells, side, side] of cubic B-splines, cells row by row from the lowest y, `filled` 1 for cells
 * that had no PSF and have the mean of those around, `x_edges`, `y_edges` of cells in px of the working frame, `oversampling` nodes per pixel,
 * `stamp_size` within which each sums to 1, `flux_outside`.
 */
export async function writeBandCells(path: string, { xEdges, yEdges, epsfs, filled }: BandCells): Promise<void> {
  const { side, oversampling, stampSize } = epsfs[0];
  const coefficients = new Float32Array(epsfs.length * side * side);
  epsfs.forEach((epsf, k) => {
    coefficients.set(epsf.coefficients, k * side * side);
  });
  const numbers = (values: readonly number[]) => ({ data: Float64Array.from(values), shape: [values.length] });
  const bytes = npzBytes(
    path,
    {
      coefficients: { data: coefficients, shape: [epsfs.length, side, side] },
      filled: { data: Int32Array.from(epsfs, (_, cell) => +filled.has(cell)), shape: [epsfs.length] },
      x_edges: numbers(xEdges),
      y_edges: numbers(yEdges),
      oversampling: numbers([oversampling]),
      stamp_size: numbers([stampSize]),
      flux_outside: numbers(epsfs.map(({ fluxOutside }) => fluxOutside)),
    },
    { compress: true },
  );
  await putObject(path, bytes);
}

/** Reads what {@link writeBandCells} wrote, ready for interpolateEpsf. Throws INPUT_UNREADABLE, INPUT_INVALID. */
export async function readBandCells(path: string): Promise<BandCells> {
  const arrays = await readNpz(path);
  const [count, side] = arrays['coefficients'].shape;
  const list = (name: string) => Array.from(arrays[name].data);
  const [[oversampling], [stampSize], outside, filled] = [
    list('oversampling'),
    list('stamp_size'),
    list('flux_outside'),
    list('filled'),
  ];
  const epsfs = Array.from({ length: count }, (_, k) => ({
    side,
    oversampling,
    stampSize,
    fluxOutside: outside[k],
    coefficients: Float64Array.from(arrays['coefficients'].data.subarray(k * side * side, (k + 1) * side * side)),
  }));
  const none = filled.flatMap((one, cell) => (one === 1 ? [[cell, []] as const] : []));
  return { xEdges: list('x_edges'), yEdges: list('y_edges'), epsfs, filled: new Map(none) };
}
