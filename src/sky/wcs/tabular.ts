/** -TAB axes (Greisen et al. 2006 section 6): coordinates by a lookup table of one dimension that the caller hands in. */
import { ArcletError } from '../../core/errors.ts';
import type { HeaderReader } from './header.ts';
import type { AxisTransform } from './spectral.ts';

/** A coordinate array and, where the header names one, its index vector (monotonic), of equal length. */
export interface CoordinateTable {
  coordinates: Float64Array;
  index?: Float64Array;
}

/** Where the header says that a table is: binary table extension, columns, and the version of the extension. */
export interface TableAddress {
  extname: string;
  extver: number;
  extlevel: number;
  coordinateColumn: string;
  indexColumn: string | undefined;
  /** Which of the table's coordinates this axis is, from 1. */
  coordinate: number;
}

export type TableSource = (address: TableAddress) => CoordinateTable | undefined;

/** The address of axis `axis` (0-based). Throws INPUT_INVALID when PSi_0 or PSi_1 is missing. */
export function tableAddress(header: HeaderReader, axis: number): TableAddress {
  const ps = (m: number): string | undefined => header.text(`PS${axis + 1}_${m}${header.alternate}`) || undefined;
  const pv = (m: number): number => header.integer(`PV${axis + 1}_${m}${header.alternate}`, 1, 1e9) ?? 1;
  const extname = ps(0);
  const coordinateColumn = ps(1);
  if (extname === undefined || coordinateColumn === undefined) {
    const keyword = `PS${axis + 1}_${extname === undefined ? 0 : 1}${header.alternate}`;
    throw new ArcletError('INPUT_INVALID', `${keyword} is absent from a -TAB axis.`, {
      subject: keyword,
      remedy: `Give ${keyword}.`,
    });
  }
  return { extname, coordinateColumn, indexColumn: ps(2), extver: pv(1), extlevel: pv(2), coordinate: pv(3) };
}

/**
 * The transform of one -TAB axis. CRVAL + w is an index value; between entries the table is linear, half an entry beyond each end
 * is extrapolated, and further there is nothing. Throws INPUT_INVALID for a table that is empty, not finite or not monotonic.
 */
export function tabularAxis(table: CoordinateTable, crval: number, keyword: string): AxisTransform {
  const { coordinates, index } = table;
  const n = coordinates.length;
  const refuse = (what: string): ArcletError =>
    new ArcletError('INPUT_INVALID', `The table of ${keyword} ${what}.`, {
      subject: keyword,
      remedy: 'Hand in the table as its extension has it.',
      data: { n },
    });
  if (n < 1) throw refuse('is empty');
  if (index && index.length !== n) throw refuse(`has ${n} coordinates but ${index.length} index values`);
  if (index && direction(index) === 0) throw refuse('has an index vector that is not monotonic');
  const order = n === 1 ? 1 : direction(coordinates);
  if (order === 0) throw refuse('is not monotonic, so that a coordinate has no one place in it');
  return {
    toWorld: (w) => {
      const psi = crval + w;
      return at(coordinates, index ? locate(index, psi) : psi - 1);
    },
    toIntermediate: (world) => {
      const place = locate(coordinates, world);
      return (index ? at(index, place) : place + 1) - crval;
    },
  };
}

/** 1 for rising, -1 for falling, 0 for neither (equal neighbours allowed, not all equal). */
function direction(values: Float64Array): number {
  let up = true;
  let down = true;
  for (let k = 0; k < values.length; k++) {
    if (!Number.isFinite(values[k])) return 0;
    if (k === 0) continue;
    up &&= values[k] >= values[k - 1];
    down &&= values[k] <= values[k - 1];
  }
  return up === down && values.length > 1 ? 0 : up ? 1 : -1;
}

/** The table at a 0-based fractional place, NaN beyond half an entry outside. */
function at(values: Float64Array, place: number): number {
  const n = values.length;
  if (!(place >= -0.5 && place <= n - 0.5)) return Number.NaN;
  if (n === 1) return values[0];
  const k = Math.min(n - 2, Math.max(0, Math.floor(place)));
  return values[k] + (place - k) * (values[k + 1] - values[k]);
}

/** The 0-based fractional place of a value in a monotonic vector. */
function locate(values: Float64Array, value: number): number {
  const n = values.length;
  if (n === 1) return value === values[0] ? 0 : Number.NaN;
  const rising = values[n - 1] > values[0];
  let low = 0;
  let high = n - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (values[middle] <= value === rising || values[middle] === value) low = middle;
    else high = middle;
  }
  const width = values[high] - values[low];
  return width === 0 ? low : low + (value - values[low]) / width;
}
