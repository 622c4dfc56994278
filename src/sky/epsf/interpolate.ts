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

/** A part of a cell's PSF. */
export interface CellShare {
  readonly cell: number;
  readonly weight: number;
}

/** PSFs of all cells on one grid of nodes: what {@link interpolateEpsf} takes. */
export interface AlignedCells extends EpsfCells {
  readonly epsfs: readonly Epsf[];
  /** Cells that had none, and what theirs is made of; empty where that is not known. */
  readonly filled: ReadonlyMap<number, readonly CellShare[]>;
}

export interface PlacedEpsf {
  readonly epsf: Epsf;
  /** Which cells it was made of, and their weights, which sum to 1. */
  readonly cells: readonly CellShare[];
}

/**
 * Puts all PSFs of a frame on one grid (the finest oversampling, the smallest stamp), so that {@link interpolateEpsf} may add their coefficients, and
 * gives cells without one the mean of those around, with weights 1 / distance^2: a PSF that is missing must not make a step.
 * Throws INPUT_INVALID when edges and PSFs do not match or no cell has a PSF.
 */
export function alignCells(cells: EpsfCells): AlignedCells {
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
  const aligned = cells.epsfs.map((epsf) => {
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
  const filled = new Map<number, readonly CellShare[]>();
  const epsfs = aligned.map((epsf, cell) => {
    if (epsf !== undefined) return epsf;
    const shares = cellsAround(cells, cell);
    filled.set(cell, shares);
    return mixed(aligned, shares);
  });
  return { xEdges: cells.xEdges, yEdges: cells.yEdges, epsfs, filled };
}

/** Fewest cells that say what a PSF between them is like. */
const LEAST_AROUND = 3;

/** Cells with a PSF in the smallest square around a cell that holds three of them (or all there are), weighted by 1 / distance^2. */
function cellsAround({ xEdges, yEdges, epsfs }: EpsfCells, cell: number): CellShare[] {
  const [nx, ny] = [xEdges.length - 1, yEdges.length - 1];
  const [column, row] = [cell % nx, Math.floor(cell / nx)];
  let found: CellShare[] = [];
  for (let reach = 1; reach < Math.max(nx, ny) && found.length < LEAST_AROUND; reach++) {
    found = [];
    for (let j = Math.max(0, row - reach); j <= Math.min(ny - 1, row + reach); j++) {
      for (let i = Math.max(0, column - reach); i <= Math.min(nx - 1, column + reach); i++) {
        const other = j * nx + i;
        if (epsfs[other] === undefined) continue;
        const [dx, dy] = [middle(xEdges, i) - middle(xEdges, column), middle(yEdges, j) - middle(yEdges, row)];
        found.push({ cell: other, weight: 1 / (dx * dx + dy * dy) });
      }
    }
  }
  const total = found.reduce((sum, { weight }) => sum + weight, 0);
  return found.map(({ cell: other, weight }) => ({ cell: other, weight: weight / total }));
}

const middle = (edges: readonly number[], k: number): number => (edges[k] + edges[k + 1]) / 2;

/** The weighted mean of PSFs on one grid. */
function mixed(epsfs: readonly (Epsf | undefined)[], shares: readonly CellShare[]): Epsf {
  const first = epsfs[shares[0].cell] as Epsf;
  if (shares.length === 1) return first;
  const coefficients = new Float64Array(first.coefficients.length);
  let fluxOutside = 0;
  for (const { cell, weight } of shares) {
    const epsf = epsfs[cell] as Epsf;
    for (let k = 0; k < coefficients.length; k++) coefficients[k] += weight * epsf.coefficients[k];
    fluxOutside += weight * epsf.fluxOutside;
  }
  return { ...first, coefficients, fluxOutside };
}

/**
 * The PSF at (x, y): `bilinear` in the coefficients between the middles of the four nearest cells, constant outside the outermost middles, and so
 * without a step anywhere; `step` the PSF of the cell that holds the place. Throws INPUT_INVALID for a place that is not finite.
 */
export function interpolateEpsf(cells: AlignedCells, x: number, y: number, mode: 'bilinear' | 'step' = 'bilinear'): PlacedEpsf {
  if (!Number.isFinite(x) || !Number.isFinite(y)) {
    throw new ArcletError('INPUT_INVALID', `There is no PSF at (${x}, ${y}).`, {
      subject: 'epsf',
      remedy: 'Give a finite position.',
    });
  }
  const nx = cells.xEdges.length - 1;
  const columns = mode === 'step' ? holding(cells.xEdges, x) : between(cells.xEdges, x);
  const rows = mode === 'step' ? holding(cells.yEdges, y) : between(cells.yEdges, y);
  const parts = rows
    .flatMap((row) => columns.map((column) => ({ cell: row.index * nx + column.index, weight: row.weight * column.weight })))
    .filter(({ weight }) => weight > 0);
  return { epsf: mixed(cells.epsfs, parts), cells: parts };
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
  const last = edges.length - 2;
  let index = 0;
  while (index < last && at >= middle(edges, index + 1)) index++;
  if (index === last || at <= middle(edges, 0)) return [{ index, weight: 1 }];
  const part = (at - middle(edges, index)) / (middle(edges, index + 1) - middle(edges, index));
  return [
    { index, weight: 1 - part },
    { index: index + 1, weight: part },
  ];
}
