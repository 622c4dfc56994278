/**
 * Distortion by lookup tables as HST writes it (D2IMDISj, CPDISj = 'LOOKUP'; draft WCS distortion paper): bilinear in pixels. The
 * tables stand in other extensions of the file, so the caller hands them in.
 */
import { type HeaderReader, keywordError } from '../header.ts';
import { type Distortion, newton } from './distortion.ts';
import type { SipDistortion } from './sip.ts';

/** One table: `data` row by row, nx fastest, offsets in pixels; the coordinates are the FITS (1-based) keywords of its extension. */
export interface LookupTable {
  data: Float32Array | Float64Array;
  nx: number;
  ny: number;
  crpix: readonly [number, number];
  crval: readonly [number, number];
  cdelt: readonly [number, number];
}

/** Gives the table of extension `extname` ('D2IMARR' or 'WCSDVARR'), version `extver`, or undefined where there is none. */
export type LookupSource = (extname: 'D2IMARR' | 'WCSDVARR', extver: number) => LookupTable | undefined;

type TablePair = readonly [LookupTable | undefined, LookupTable | undefined];

/** The tables that a header asks for, with a note for each that the caller did not hand in. */
export function readLookups(
  header: HeaderReader,
  kind: 'D2IM' | 'CPDIS',
  source: LookupSource | undefined,
  notes: string[],
): TablePair | undefined {
  const extname = kind === 'D2IM' ? 'D2IMARR' : 'WCSDVARR';
  const pair = [1, 2].map((axis) => {
    const keyword = kind === 'D2IM' ? `D2IMDIS${axis}` : `CPDIS${axis}`;
    const type = header.text(keyword)?.toUpperCase();
    if (type === undefined) return undefined;
    if (type !== 'LOOKUP') {
      notes.push(`${keyword} = '${type}' is not applied: only LOOKUP is.`);
      return undefined;
    }
    const record = kind === 'D2IM' ? `D2IM${axis}` : `DP${axis}`;
    const extver = header.number(`${record}.EXTVER`) ?? 1;
    const table = source?.(extname, extver);
    if (!table) {
      const error = header.number(kind === 'D2IM' ? `D2IMERR${axis}` : `CPERR${axis}`);
      notes.push(
        `${keyword} is not applied: the table ${extname},${extver} was not given${error === undefined ? '' : ` (up to ${error} px)`}.`,
      );
      return undefined;
    }
    const { nx, ny, data, cdelt } = table;
    if (!(nx >= 1 && ny >= 1 && data.length === nx * ny && cdelt[0] !== 0 && cdelt[1] !== 0)) {
      throw keywordError(
        keyword,
        `The table ${extname},${extver} of ${data.length} values is not ${nx} x ${ny}.`,
        'Hand in the table as its extension has it.',
      );
    }
    return (header.number(`${record}.AXIS.${axis}`) ?? axis) === axis ? table : transposed(table);
  });
  return pair[0] || pair[1] ? [pair[0], pair[1]] : undefined;
}

function transposed(table: LookupTable): LookupTable {
  const { nx, ny, data } = table;
  const turned = new Float64Array(nx * ny);
  for (let y = 0; y < ny; y++) for (let x = 0; x < nx; x++) turned[x * ny + y] = data[y * nx + x];
  return { ...table, data: turned, nx: ny, ny: nx };
}

/** Bilinear value at FITS pixel (x, y), the edge values beyond the table. */
function lookUp(table: LookupTable, x: number, y: number): number {
  const { nx, ny, data, crpix, crval, cdelt } = table;
  const tx = Math.min(nx - 1, Math.max(0, (x - crval[0]) / cdelt[0] + crpix[0] - 1));
  const ty = Math.min(ny - 1, Math.max(0, (y - crval[1]) / cdelt[1] + crpix[1] - 1));
  const ix = Math.floor(tx);
  const iy = Math.floor(ty);
  const fx = tx - ix;
  const fy = ty - iy;
  const jx = Math.min(nx - 1, ix + 1);
  const jy = Math.min(ny - 1, iy + 1);
  const low = data[iy * nx + ix] * (1 - fx) + data[iy * nx + jx] * fx;
  const high = data[jy * nx + ix] * (1 - fx) + data[jy * nx + jx] * fx;
  return low * (1 - fy) + high * fy;
}

/** D2IM, then SIP and CPDIS evaluated at the same corrected pixel and added (the order of astropy and drizzlepac). */
export class PixelDistortion implements Distortion {
  readonly #d2im: TablePair | undefined;
  readonly #sip: SipDistortion | undefined;
  readonly #cpdis: TablePair | undefined;
  readonly #crpix: readonly [number, number];

  constructor(
    d2im: TablePair | undefined,
    sip: SipDistortion | undefined,
    cpdis: TablePair | undefined,
    crpix: readonly [number, number],
  ) {
    this.#d2im = d2im;
    this.#sip = sip;
    this.#cpdis = cpdis;
    this.#crpix = crpix;
  }

  forward(u: number, v: number, out: Float64Array): void {
    const [cx, cy] = this.#crpix;
    let a = u;
    let b = v;
    if (this.#d2im) {
      if (this.#d2im[0]) a = u + lookUp(this.#d2im[0], u + cx, v + cy);
      if (this.#d2im[1]) b = v + lookUp(this.#d2im[1], u + cx, v + cy);
    }
    out[0] = a;
    out[1] = b;
    if (this.#sip) this.#sip.forward(a, b, out);
    if (this.#cpdis) {
      if (this.#cpdis[0]) out[0] += lookUp(this.#cpdis[0], a + cx, b + cy);
      if (this.#cpdis[1]) out[1] += lookUp(this.#cpdis[1], a + cx, b + cy);
    }
  }

  readonly #pair = new Float64Array(2);
  readonly #gradient = (u: number, v: number, out: Float64Array): void => {
    if (this.#sip) this.#sip.gradient(u, v, out);
    else out.set([u, 1, 0, v, 0, 1]);
    this.forward(u, v, this.#pair);
    out[0] = this.#pair[0];
    out[3] = this.#pair[1];
  };

  inverse(a: number, b: number, out: Float64Array): boolean {
    // The gradient leaves the tables out: their slopes are 1e-3 or less, so each step still gains three digits.
    return newton(this.#gradient, a, b, a, b, 1e-9, out);
  }
}
