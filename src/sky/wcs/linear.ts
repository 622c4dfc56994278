/** Pixel offsets <-> intermediate world coordinates: CDi_j, PCi_j with CDELTi, CROTAi, or the old PC00i00j. */
import { cosDeg, sinDeg } from './angles.ts';
import { type HeaderReader, keywordError } from './header.ts';

export interface Linear {
  readonly naxis: number;
  /** Row-major world-by-pixel matrix in header units, and its inverse. */
  readonly matrix: Float64Array;
  readonly inverse: Float64Array;
}

export interface LinearRequest {
  naxis: number;
  /** 0-based latitude and longitude axes, or -1: CROTAn turns them. */
  lon: number;
  lat: number;
  /** Factor of each world axis from header units to the units used inside. */
  unitScale: readonly number[];
  notes: string[];
}

/** Reads and inverts the matrix. Throws INPUT_INVALID naming CDELTi or CDi_j when it is singular. */
export function readLinear(header: HeaderReader, request: LinearRequest): Linear {
  const { naxis, unitScale } = request;
  const matrix = readCd(header, request) ?? readPc(header, request);
  for (let i = 0; i < naxis; i++) for (let j = 0; j < naxis; j++) matrix[i * naxis + j] *= unitScale[i];
  return { naxis, matrix, inverse: invert(header, matrix, naxis) };
}

function readCd(header: HeaderReader, { naxis, notes }: LinearRequest): Float64Array | undefined {
  const key = (i: number, j: number): string => `CD${i + 1}_${j + 1}${header.alternate}`;
  const matrix = new Float64Array(naxis * naxis);
  let found = false;
  for (let i = 0; i < naxis; i++) {
    for (let j = 0; j < naxis; j++) {
      const value = header.number(key(i, j));
      if (value === undefined) continue;
      found = true;
      matrix[i * naxis + j] = value;
    }
  }
  if (!found) return undefined;
  for (let i = 0; i < naxis; i++) {
    let used = false;
    for (let k = 0; k < naxis; k++) used ||= header.has(key(i, k)) || header.has(key(k, i));
    if (used) continue;
    // An axis of which no CD element is given would make the matrix singular; wcslib, too, takes 1.
    matrix[i * naxis + i] = 1;
    notes.push(`${key(i, i)} is absent: taken as 1.`);
  }
  return matrix;
}

function readPc(header: HeaderReader, { naxis, lon, lat, notes }: LinearRequest): Float64Array {
  const a = header.alternate;
  const cdelt = Array.from({ length: naxis }, (_, i) => {
    const keyword = `CDELT${i + 1}${a}`;
    const value = header.number(keyword);
    if (value === undefined && (i === lon || i === lat))
      notes.push(`${keyword} is absent: 1 degree a pixel, as the standard says.`);
    if (value !== 0) return value ?? 1;
    // Radio images carry an axis of one pixel with no width; nothing can be measured along it.
    if (i !== lon && i !== lat && (header.number(`NAXIS${i + 1}`) ?? 0) === 1) {
      notes.push(`${keyword} is 0 on an axis of one pixel: taken as 1.`);
      return 1;
    }
    throw keywordError(keyword, `${keyword} is 0: every pixel of the axis would be the same place.`, `Correct ${keyword}.`);
  });
  const matrix = new Float64Array(naxis * naxis);
  let found = false;
  for (let i = 0; i < naxis; i++) {
    for (let j = 0; j < naxis; j++) {
      const old = `PC${String(i + 1).padStart(3, '0')}${String(j + 1).padStart(3, '0')}`;
      const value = header.number(`PC${i + 1}_${j + 1}${a}`) ?? (a === '' ? header.number(old) : undefined);
      found ||= value !== undefined;
      matrix[i * naxis + j] = cdelt[i] * (value ?? (i === j ? 1 : 0));
    }
  }
  const rotation = lat >= 0 && a === '' && !found ? (header.number(`CROTA${lat + 1}`) ?? 0) : 0;
  if (rotation !== 0) {
    // C&G 2002 section 6.1: the rotation of the latitude axis, CDELT as widths of the pixels before it.
    matrix[lon * naxis + lon] = cdelt[lon] * cosDeg(rotation);
    matrix[lon * naxis + lat] = -cdelt[lat] * sinDeg(rotation);
    matrix[lat * naxis + lon] = cdelt[lon] * sinDeg(rotation);
    matrix[lat * naxis + lat] = cdelt[lat] * cosDeg(rotation);
  }
  return matrix;
}

/** Gauss-Jordan with rows scaled to 1 first, because an axis in hertz stands beside one in degrees. */
function invert(header: HeaderReader, matrix: Float64Array, n: number): Float64Array {
  const a = Float64Array.from(matrix);
  const inverse = new Float64Array(n * n);
  const singular = (row: number): Error => {
    const cd = header.has(`CD${row + 1}_${row + 1}${header.alternate}`) || header.has(`CD1_1${header.alternate}`);
    const keyword = `${cd ? 'CD' : 'PC'}${row + 1}_${row + 1}${header.alternate}`;
    return keywordError(
      keyword,
      `The ${cd ? 'CD' : 'PC'} matrix is singular at axis ${row + 1}.`,
      'Correct the matrix: its rows must be independent.',
      {
        matrix: Array.from(matrix),
      },
    );
  };
  for (let i = 0; i < n; i++) {
    let largest = 0;
    for (let j = 0; j < n; j++) largest = Math.max(largest, Math.abs(a[i * n + j]));
    if (!(largest > 0 && Number.isFinite(largest))) throw singular(i);
    for (let j = 0; j < n; j++) a[i * n + j] /= largest;
    inverse[i * n + i] = 1 / largest;
  }
  for (let column = 0; column < n; column++) {
    let pivot = column;
    for (let i = column + 1; i < n; i++) if (Math.abs(a[i * n + column]) > Math.abs(a[pivot * n + column])) pivot = i;
    const value = a[pivot * n + column];
    if (!(Math.abs(value) > 1e-13)) throw singular(column);
    for (let j = 0; j < n; j++) {
      const swapA = a[column * n + j];
      a[column * n + j] = a[pivot * n + j] / value;
      if (pivot !== column) a[pivot * n + j] = swapA;
      const swapB = inverse[column * n + j];
      inverse[column * n + j] = inverse[pivot * n + j] / value;
      if (pivot !== column) inverse[pivot * n + j] = swapB;
    }
    for (let i = 0; i < n; i++) {
      const factor = a[i * n + column];
      if (i === column || factor === 0) continue;
      for (let j = 0; j < n; j++) {
        a[i * n + j] -= factor * a[column * n + j];
        inverse[i * n + j] -= factor * inverse[column * n + j];
      }
    }
  }
  const overflow = inverse.findIndex((value) => !Number.isFinite(value));
  if (overflow >= 0) throw singular(overflow % n);
  return inverse;
}
