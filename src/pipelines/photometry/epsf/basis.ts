/** PSFs of the cells of a band in one file, from which the PSF at any place is interpolated. */
import { npzBytes, readNpz } from '../../../io/npz.ts';
import { alignCells, type EpsfCells } from '../../../sky/epsf/index.ts';
import type { EpsfCell } from '../field.ts';
import { putObject } from '../places.ts';

export type BandCells = EpsfCells;

/**
 * The PSFs of the cells of a frame, on one grid of nodes; undefined where no cell has one.
 *
 * @param epsfs by tag of the cell
 */
export function bandCells(
  cells: readonly EpsfCell[],
  epsfs: ReadonlyMap<string, BandCells['epsfs'][number]>,
): BandCells | undefined {
  if (epsfs.size === 0) return undefined;
  const edges = (ends: readonly [number, number][]) => [...new Set(ends.flat())].sort((one, other) => one - other);
  return alignCells({
    xEdges: edges(cells.map(({ x0, width }) => [x0, x0 + width])),
    yEdges: edges(cells.map(({ y0, height }) => [y0, y0 + height])),
    epsfs: cells.map(({ tag }) => epsfs.get(tag)),
  });
}

/**
 * Writes the PSFs of a band as .npz: `coefficients` [cells with one, side, side] of cubic B-splines, `cell` their numbers (row by row from the
 * lowest y), `x_edges`, `y_edges` of cells in px of the working frame, `oversampling` nodes per pixel, `stamp_size` within which each sums to 1,
 * `flux_outside`.
 */
export async function writeBandCells(path: string, cells: BandCells): Promise<void> {
  const present = cells.epsfs.flatMap((epsf, cell) => (epsf === undefined ? [] : [{ epsf, cell }]));
  const { side, oversampling, stampSize } = present[0].epsf;
  const coefficients = new Float32Array(present.length * side * side);
  present.forEach(({ epsf }, k) => {
    coefficients.set(epsf.coefficients, k * side * side);
  });
  const numbers = (values: readonly number[]) => ({ data: Float64Array.from(values), shape: [values.length] });
  const bytes = npzBytes(
    path,
    {
      coefficients: { data: coefficients, shape: [present.length, side, side] },
      cell: { data: Int32Array.from(present, ({ cell }) => cell), shape: [present.length] },
      x_edges: numbers(cells.xEdges),
      y_edges: numbers(cells.yEdges),
      oversampling: numbers([oversampling]),
      stamp_size: numbers([stampSize]),
      flux_outside: numbers(present.map(({ epsf }) => epsf.fluxOutside)),
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
  const [xEdges, yEdges] = [list('x_edges'), list('y_edges')];
  const epsfs: BandCells['epsfs'][number][] = new Array((xEdges.length - 1) * (yEdges.length - 1)).fill(undefined);
  for (let k = 0; k < count; k++) {
    epsfs[list('cell')[k]] = {
      side,
      oversampling: list('oversampling')[0],
      stampSize: list('stamp_size')[0],
      fluxOutside: list('flux_outside')[k],
      coefficients: Float64Array.from(arrays['coefficients'].data.subarray(k * side * side, (k + 1) * side * side)),
    };
  }
  return { xEdges, yEdges, epsfs };
}
