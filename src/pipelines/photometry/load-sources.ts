/** Sources in the working frame: where they are, which of them are left out and why, and which cells of the ePSF grid they need. */
import type { Wcs } from '../../sky/wcs/index.ts';
import type { CatalogueSource, PixelBox } from './field.ts';
import type { FieldCatalogue } from './load-catalogue.ts';
import type { RowScan } from './load-scan.ts';

/** Pixels of sources; NaN where they have none. */
export interface Places {
  readonly x: Float64Array;
  readonly y: Float64Array;
}

/** Places in the frame of `wcs`. Rows without a position, or on the far side of the sky, are NaN. */
export function placesOf(wcs: Wcs, { ra, dec }: Pick<FieldCatalogue, 'ra' | 'dec'>): Places {
  const { x, y } = wcs.worldToPixels(ra, dec);
  return { x, y };
}

/** 1 where a place is outside of the half-open box of the working frame, or is NaN. */
export function outsideOf({ x, y }: Places, { width, height }: PixelBox): Uint8Array {
  return Uint8Array.from(x, (at, row) => (at >= 0 && at < width && y[row] >= 0 && y[row] < height ? 0 : 1));
}

/** Nearest whole number, halves to the even one: what C calls rint. */
export function roundEven(value: number): number {
  const down = Math.floor(value);
  const rest = value - down;
  return rest < 0.5 || (rest === 0.5 && down % 2 === 0) ? down : down + 1;
}

/**
 * Looks for saturated pixels within a radius of sources while frames go by in chunks of rows, so that no frame need be held. A pixel counts when its
 * offset from the source's nearest pixel has dx^2 + dy^2 <= radius^2.
 */
export class SaturationProbe {
  /** Rows of the catalogue by rising pixel row. */
  readonly #order: Int32Array;
  readonly #column: Int32Array;
  readonly #line: Int32Array;
  /** Half width of the disc at each distance in y. */
  readonly #reach: Int32Array;
  /** A set of sources for each band: those that have been hit. */
  readonly #hits = new Map<string, Uint8Array>();
  readonly #rows: number;

  constructor({ x, y }: Places, radiusPx: number) {
    this.#rows = x.length;
    const radius = Math.floor(radiusPx);
    this.#reach = Int32Array.from({ length: radius + 1 }, (_, dy) => Math.floor(Math.sqrt(Math.max(0, radiusPx ** 2 - dy ** 2))));
    const rows = Array.from(x.keys()).filter((row) => Number.isFinite(x[row]) && Number.isFinite(y[row]));
    const line = (row: number) => roundEven(y[row]);
    this.#order = Int32Array.from(rows).sort((a, b) => line(a) - line(b));
    this.#column = Int32Array.from(this.#order, (row) => roundEven(x[row]));
    this.#line = Int32Array.from(this.#order, line);
  }

  /** Rows of a band's frame. Each row of a band is to be shown once, in any order. */
  look(band: string, { top, starts, columns }: RowScan): void {
    let hits = this.#hits.get(band);
    if (hits === undefined) {
      hits = new Uint8Array(this.#rows);
      this.#hits.set(band, hits);
    }
    if (columns.length === 0) return;
    const radius = this.#reach.length - 1;
    const bottom = top + starts.length - 2;
    for (let at = this.#first(top - radius); at < this.#order.length && this.#line[at] <= bottom + radius; at++) {
      const row = this.#order[at];
      const [line, column] = [this.#line[at], this.#column[at]];
      for (let y = Math.max(top, line - radius); y <= Math.min(bottom, line + radius) && hits[row] === 0; y++) {
        const reach = this.#reach[Math.abs(y - line)];
        if (hasWithin(columns, starts[y - top], starts[y - top + 1], column - reach, column + reach)) hits[row] = 1;
      }
    }
  }

  /** First place in the order whose line is at least this. */
  #first(line: number): number {
    let low = 0;
    let high = this.#order.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#line[middle] < line) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** 1 for sources hit in any band, or in all of them. */
  flags(bands: readonly string[], inAll: boolean): Uint8Array {
    const flags = new Uint8Array(this.#rows);
    const sets = bands.map((band) => this.#hits.get(band));
    for (let row = 0; row < flags.length; row++) {
      const hit = (set: Uint8Array | undefined) => set?.[row] === 1;
      flags[row] = +(inAll ? sets.length > 0 && sets.every(hit) : sets.some(hit));
    }
    return flags;
  }
}

/** Whether the rising numbers at start .. end have one of low .. high. */
function hasWithin(sorted: Int32Array, start: number, end: number, low: number, high: number): boolean {
  const last = end;
  while (start < end) {
    const middle = (start + end) >> 1;
    if (sorted[middle] < low) start = middle + 1;
    else end = middle;
  }
  return start < last && sorted[start] <= high;
}

export interface Flags {
  readonly crop: Uint8Array;
  readonly saturation: Uint8Array;
}

export function sourcesOf(
  { ra, dec, id, duplicateId, type, rows }: FieldCatalogue,
  { x, y }: Places,
  { crop, saturation }: Flags,
): CatalogueSource[] {
  return Array.from({ length: rows }, (_, row) => ({
    row,
    id: id?.[row] ?? '',
    type: type?.[row] ?? '',
    ra: ra[row],
    dec: dec[row],
    x: x[row],
    y: y[row],
    excludedCrop: crop[row] === 1,
    excludedSaturation: saturation[row] === 1,
    duplicateId: duplicateId[row] === 1,
    gaiaSourceId: '',
  }));
}

/** Whether a source is fitted. */
export const isActive = ({ excludedCrop, excludedSaturation }: CatalogueSource): boolean => !excludedCrop && !excludedSaturation;

/** A sentence on a catalogue of which nothing is fitted; undefined where something is. */
export function nothingToFit(rows: number, outside: number, saturated: number): string | undefined {
  if (rows === 0) return 'the catalogue has no rows: only what Gaia adds is fitted.';
  if (outside === rows)
    return `none of the ${rows} rows of the catalogue is within the working frame: are RA and DEC degrees, and of this field?`;
  if (outside + saturated < rows) return undefined;
  return `none of the ${rows} rows of the catalogue is fitted: those within the working frame are near saturated pixels (SATURATE, source_saturation_cut).`;
}

/** The word of column excluded_reason: '', 'crop', 'saturation' or 'crop+saturation'. */
export function excludedReason({ excludedCrop, excludedSaturation }: CatalogueSource): string {
  return [excludedCrop && 'crop', excludedSaturation && 'saturation'].filter(Boolean).join('+');
}

/** Tags (r00_c00) of the cells of a G x G grid that have an active source. */
export function activeCells(sources: readonly CatalogueSource[], width: number, height: number, grid: number): Set<string> {
  const cell = (at: number, length: number) => Math.min(Math.floor(at / Math.max(1, Math.floor(length / grid))), grid - 1);
  const two = (index: number) => String(index).padStart(2, '0');
  const tags = new Set<string>();
  for (const source of sources) {
    const { x, y } = source;
    if (!isActive(source) || !(x >= 0 && x < width && y >= 0 && y < height)) continue;
    tags.add(`r${two(cell(y, height))}_c${two(cell(x, width))}`);
  }
  return tags;
}
