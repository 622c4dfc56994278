/**
 * Cleaning: detections that are no more than the wing of a brighter neighbour are taken out.
 *
 * Every object stands for a Moffat profile of exponent `cleanParam` through its total flux and its area at the threshold; a fainter
 * object goes when that profile alone would have lifted `minarea` of its pixels above the threshold (Bertin & Arnouts 1996, section 5;
 * SExtractor manual, CLEAN). Pairs are found on grids, one per octave of size.
 */
import { grown, type ObjectRows } from './extract-buffers.ts';

/** Profiles reach this many semi-major axes. */
const REACH = 10;

/** 1 for every object that stays. An object that was taken out takes none out itself from then on; objects come in their order. */
export function cleanObjects(objects: ObjectRows, exponent: number): Uint8Array {
  const count = objects.count;
  const stays = new Uint8Array(count).fill(1);
  if (count < 2) return stays;
  const x = objects.column('x');
  const y = objects.column('y');
  const a = objects.column('a');
  const b = objects.column('b');
  const cxx = objects.column('cxx');
  const cyy = objects.column('cyy');
  const cxy = objects.column('cxy');
  const flux = objects.column('cflux');
  const thresh = objects.column('thresh');
  const abcor = objects.column('abcor');
  const mthresh = objects.column('mthresh');
  const npix = objects.column('npix');

  const amplitude = new Float64Array(count);
  const slope = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const area = Math.PI * a[i] * b[i];
    amplitude[i] = flux[i] / (2 * area * abcor[i]);
    slope[i] = (((amplitude[i] / thresh[i]) ** (1 / exponent) - 1) * area) / npix[i];
  }
  /** True when the profile of `bright` accounts for `faint`. */
  const covers = (bright: number, faint: number): boolean => {
    const dx = x[faint] - x[bright];
    const dy = y[faint] - y[bright];
    const base = 1 + slope[bright] * (cxx[bright] * dx * dx + cyy[bright] * dy * dy + cxy[bright] * dx * dy);
    return base > 1 && amplitude[bright] * base ** -exponent > mthresh[faint];
  };

  const grids = new SizeGrids(x, y, a);
  for (let i = 0; i < count; i++) {
    if (stays[i] === 0) continue;
    for (const j of grids.later(i, stays)) {
      if (flux[j] < flux[i]) {
        if (covers(i, j)) stays[j] = 0;
      } else if (covers(j, i)) {
        stays[i] = 0;
        break;
      }
    }
  }
  return stays;
}

/** Objects by octave of their semi-major axis, each octave on a grid as wide as its profiles reach. */
class SizeGrids {
  readonly #x: Float64Array;
  readonly #y: Float64Array;
  readonly #a: Float64Array;
  #found = new Int32Array(0);
  #count = 0;
  readonly #octaves = new Map<
    number,
    { readonly largest: number; readonly cell: number; readonly cells: Map<number, number[]> }
  >();

  constructor(x: Float64Array, y: Float64Array, a: Float64Array) {
    this.#x = x;
    this.#y = y;
    this.#a = a;
    for (let i = 0; i < x.length; i++) {
      const octave = Math.ceil(Math.log2(a[i]));
      let grid = this.#octaves.get(octave);
      if (grid === undefined) {
        const largest = 2 ** octave;
        grid = { largest, cell: 2 * REACH * largest, cells: new Map() };
        this.#octaves.set(octave, grid);
      }
      const key = cellKey(Math.floor(x[i] / grid.cell), Math.floor(y[i] / grid.cell));
      const cell = grid.cells.get(key);
      if (cell === undefined) grid.cells.set(key, [i]);
      else cell.push(i);
    }
  }

  /** Objects after `i` that still stay and are within reach of it, in their order; until the next call. */
  later(i: number, stays: Uint8Array): Int32Array {
    this.#count = 0;
    for (const { largest, cell, cells } of this.#octaves.values()) {
      const radius = REACH * (this.#a[i] + largest);
      const x0 = Math.floor((this.#x[i] - radius) / cell);
      const x1 = Math.floor((this.#x[i] + radius) / cell);
      const y0 = Math.floor((this.#y[i] - radius) / cell);
      const y1 = Math.floor((this.#y[i] + radius) / cell);
      // One large object among many small ones reaches more cells than there are.
      if ((x1 - x0 + 1) * (y1 - y0 + 1) > cells.size) {
        for (const list of cells.values()) this.#take(list, i, stays);
        continue;
      }
      for (let cy = y0; cy <= y1; cy++)
        for (let cx = x0; cx <= x1; cx++) {
          const list = cells.get(cellKey(cx, cy));
          if (list !== undefined) this.#take(list, i, stays);
        }
    }
    return this.#found.subarray(0, this.#count).sort();
  }

  /** Lists are in order: what comes after `i` is at the end. */
  #take(list: readonly number[], i: number, stays: Uint8Array): void {
    this.#found = grown(this.#found, this.#count + list.length);
    for (let k = list.length - 1; k >= 0 && list[k] > i; k--) {
      const j = list[k];
      const dx = this.#x[i] - this.#x[j];
      const dy = this.#y[i] - this.#y[j];
      const reach = REACH * (this.#a[i] + this.#a[j]);
      if (stays[j] === 1 && dx * dx + dy * dy <= reach * reach) this.#found[this.#count++] = j;
    }
  }
}

const cellKey = (cx: number, cy: number): number => (cy + 0x10_0000) * 0x20_0000 + cx + 0x10_0000;
