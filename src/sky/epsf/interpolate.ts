/** PSFs of the cells of a frame, and the PSF at a place. */
import { ArcletError } from '../../core/errors.ts';
import { type Epsf, epsfStamp, regridEpsf } from './epsf.ts';

/** Cells of a frame on a rectangular grid. */
export interface EpsfCells {
  /** Bounds in x, ascending, one more than cells in x, px; a cell holds [edge k, edge k + 1). */
  readonly xEdges: readonly number[];
  readonly yEdges: readonly number[];
  /** Row-major over the cells (y, then x); undefined where a cell has none. */
  readonly epsfs: readonly (Epsf | undefined)[];
}

export interface PlacedEpsf {
  readonly epsf: Epsf;
  /** Which cells it was made of, and their weights, which sum to 1. */
  readonly cells: readonly { readonly cell: number; readonly weight: number }[];
}

/**
 * Puts all PSFs of a frame on one grid (the finest oversampling, the smallest stamp), so that {@link interpolateEpsf} may add their coefficients.
 * Throws INPUT_INVALID when edges and PSFs do not match or no cell has a PSF.
 */
export function alignCells(cells: EpsfCells): EpsfCells {
  const count = (cells.xEdges.length - 1) * (cells.yEdges.length - 1);
  const present = cells.epsfs.filter((epsf) => epsf !== undefined);
  const ascending = (edges: readonly number[]) => edges.length > 1 && edges.every((edge, k) => k === 0 || edge > edges[k - 1]);
  if (cells.epsfs.length !== count || present.length === 0 || !ascending(cells.xEdges) || !ascending(cells.yEdges)) {
    throw new ArcletError(
      'INPUT_INVALID',
      `${present.length} PSFs in ${cells.epsfs.length} cells cannot fill a grid of ${count} cells.`,
      {
        subject: 'cells',
        remedy: 'Give ascending edges, one entry per cell, and a PSF in at least one of them.',
      },
    );
  }
  const oversampling = Math.max(...present.map((epsf) => epsf.oversampling));
  const half = Math.min(...present.map((epsf) => Math.floor((epsf.side - 1) / 2 / epsf.oversampling)));
  const stampSize = Math.min(...present.map((epsf) => epsf.stampSize));
  const side = 2 * half * oversampling + 1;
  const epsfs = cells.epsfs.map((epsf) => {
    if (epsf === undefined || (epsf.side === side && epsf.oversampling === oversampling && epsf.stampSize === stampSize))
      return epsf;
    const same = epsf.side === side && epsf.oversampling === oversampling ? epsf : regridEpsf(epsf, side, oversampling);
    const { sum } = epsfStamp(same, stampSize);
    return {
      ...same,
      stampSize,
      coefficients: same.coefficients.map((value) => value / sum),
      fluxOutside: (1 + epsf.fluxOutside) / sum - 1,
    };
  });
  return { ...cells, epsfs };
}

/**
 * The PSF at (x, y): `bilinear` in the coefficients between the centres of the four nearest cells (constant outside the outermost centres), cells
 * without a PSF left out and the weights of the rest scaled to 1; `step` the PSF of the cell that holds the place. Where none of these has one, the
 * nearest cell that has. Cells must have been aligned ({@link alignCells}).
 */
export function interpolateEpsf(cells: EpsfCells, x: number, y: number, mode: 'bilinear' | 'step' = 'bilinear'): PlacedEpsf {
  const nx = cells.xEdges.length - 1;
  const weights = new Map<number, number>();
  const columns = mode === 'step' ? holding(cells.xEdges, x) : between(cells.xEdges, x);
  const rows = mode === 'step' ? holding(cells.yEdges, y) : between(cells.yEdges, y);
  let total = 0;
  for (const row of rows) {
    for (const column of columns) {
      const cell = row.index * nx + column.index;
      const weight = row.weight * column.weight;
      if (weight === 0 || cells.epsfs[cell] === undefined) continue;
      weights.set(cell, (weights.get(cell) ?? 0) + weight);
      total += weight;
    }
  }
  if (total === 0) {
    weights.set(nearestCell(cells, x, y), 1);
    total = 1;
  }
  const parts = [...weights].map(([cell, weight]) => ({ cell, weight: weight / total }));
  const first = cells.epsfs[parts[0].cell] as Epsf;
  if (parts.length === 1) return { epsf: first, cells: parts };
  const coefficients = new Float64Array(first.coefficients.length);
  let fluxOutside = 0;
  for (const { cell, weight } of parts) {
    const epsf = cells.epsfs[cell] as Epsf;
    if (epsf.side !== first.side || epsf.oversampling !== first.oversampling) {
      throw new ArcletError('INPUT_INVALID', `PSFs of ${epsf.side} and ${first.side} nodes a side cannot be interpolated.`, {
        subject: 'cells',
        remedy: 'Align the cells first.',
      });
    }
    for (let k = 0; k < coefficients.length; k++) coefficients[k] += weight * epsf.coefficients[k];
    fluxOutside += weight * epsf.fluxOutside;
  }
  return { epsf: { ...first, coefficients, fluxOutside }, cells: parts };
}

interface Share {
  readonly index: number;
  readonly weight: number;
}

function holding(edges: readonly number[], at: number): Share[] {
  let index = 0;
  while (index < edges.length - 2 && at >= edges[index + 1]) index++;
  return [{ index, weight: 1 }];
}

function between(edges: readonly number[], at: number): Share[] {
  const centre = (k: number) => (edges[k] + edges[k + 1]) / 2;
  const last = edges.length - 2;
  let index = 0;
  while (index < last && at >= centre(index + 1)) index++;
  if (index === last || at <= centre(0)) return [{ index, weight: 1 }];
  const part = (at - centre(index)) / (centre(index + 1) - centre(index));
  return [
    { index, weight: 1 - part },
    { index: index + 1, weight: part },
  ];
}

function nearestCell(cells: EpsfCells, x: number, y: number): number {
  const nx = cells.xEdges.length - 1;
  let best = -1;
  let least = Number.POSITIVE_INFINITY;
  cells.epsfs.forEach((epsf, cell) => {
    if (epsf === undefined) return;
    const column = cell % nx;
    const row = (cell - column) / nx;
    const dx = (cells.xEdges[column] + cells.xEdges[column + 1]) / 2 - x;
    const dy = (cells.yEdges[row] + cells.yEdges[row + 1]) / 2 - y;
    if (dx * dx + dy * dy < least) {
      least = dx * dx + dy * dy;
      best = cell;
    }
  });
  if (best < 0) {
    throw new ArcletError('INPUT_INVALID', `None of ${cells.epsfs.length} cells has a PSF.`, {
      subject: 'cells',
      remedy: 'Lower the selection thresholds or use a fallback PSF.',
    });
  }
  return best;
}
