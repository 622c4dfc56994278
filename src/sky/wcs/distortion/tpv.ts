/**
 * TPV (registry of FITS conventions; SCAMP's TAN with PVi_j): a polynomial of degree 7 with odd powers of the radius, in degrees on the
 * tangent plane, before the gnomonic projection.
 */
import { type HeaderReader, keywordError } from '../header.ts';
import { type Distortion, newton } from './distortion.ts';
import { Polynomial2 } from './polynomial.ts';

const MAX_PARAMETER = 39;
/** Numbers of the terms in r, r^3, r^5, r^7. */
const RADIAL = [3, 11, 23, 31 + 8];

/** Exponents (of the axis' own coordinate, of the other) of the terms that are not radial. */
function exponents(): Map<number, readonly [number, number]> {
  const terms = new Map<number, readonly [number, number]>();
  let m = 0;
  for (let degree = 0; degree <= 7; degree++) {
    for (let other = 0; other <= degree; other++) terms.set(m++, [degree - other, other]);
    if (degree % 2 === 1) m++;
  }
  return terms;
}

interface AxisTerms {
  polynomial: Polynomial2;
  radial: readonly number[];
}

/** PVi_0 ... PVi_39 of one axis; absent PVi_1 is 1. `swap` is for the second axis, whose own coordinate is y. */
function readAxis(header: HeaderReader, axis: number, swap: boolean): AxisTerms {
  const value = (m: number): number => header.number(`PV${axis + 1}_${m}${header.alternate}`) ?? (m === 1 ? 1 : 0);
  const terms = [...exponents()].map(([m, [own, other]]) => ({ own, other, value: value(m) })).filter((term) => term.value !== 0);
  const polynomial = new Polynomial2(terms.reduce((degree, { own, other }) => Math.max(degree, own + other), 0));
  for (const term of terms) polynomial.set(swap ? term.other : term.own, swap ? term.own : term.other, term.value);
  return { polynomial, radial: RADIAL.map(value) };
}

/** TPV of a header. `pixelDeg` is the width of a pixel, which sets how well the inverse must do. Throws INPUT_INVALID for PVi_40 and beyond. */
export function readTpv(header: HeaderReader, lon: number, lat: number, pixelDeg: number): Distortion {
  for (const name of header.names) {
    const match = /^PV(\d+)_(\d+)([A-Z]?)$/.exec(name);
    if (!match || match[3] !== header.alternate || (Number(match[1]) !== lon + 1 && Number(match[1]) !== lat + 1)) continue;
    if (Number(match[2]) > MAX_PARAMETER) {
      throw keywordError(name, `${name} is beyond the ${MAX_PARAMETER} parameters of TPV.`, 'Remove it or correct CTYPE.');
    }
  }
  return new TpvDistortion(readAxis(header, lon, false), readAxis(header, lat, true), 1e-9 * pixelDeg);
}

class TpvDistortion implements Distortion {
  readonly #x: AxisTerms;
  readonly #y: AxisTerms;
  readonly #isRadial: boolean;
  readonly #tolerance: number;

  constructor(x: AxisTerms, y: AxisTerms, tolerance: number) {
    this.#x = x;
    this.#y = y;
    this.#isRadial = [...x.radial, ...y.radial].some((c) => c !== 0);
    this.#tolerance = tolerance;
  }

  forward(x: number, y: number, out: Float64Array): void {
    out[0] = this.#x.polynomial.value(x, y);
    out[1] = this.#y.polynomial.value(x, y);
    if (!this.#isRadial) return;
    const r2 = x * x + y * y;
    const r = Math.sqrt(r2);
    out[0] += radialSum(this.#x.radial, r2) * r;
    out[1] += radialSum(this.#y.radial, r2) * r;
  }

  readonly #gradient = (x: number, y: number, out: Float64Array): void => {
    out.fill(0);
    this.#x.polynomial.addGradient(x, y, out, 0);
    this.#y.polynomial.addGradient(x, y, out, 3);
    const r2 = x * x + y * y;
    if (!this.#isRadial || r2 === 0) return;
    const r = Math.sqrt(r2);
    for (const [at, { radial }] of [
      [0, this.#x],
      [3, this.#y],
    ] as const) {
      const slope = (radial[0] + r2 * (3 * radial[1] + r2 * (5 * radial[2] + r2 * 7 * radial[3]))) / r;
      out[at] += radialSum(radial, r2) * r;
      out[at + 1] += slope * x;
      out[at + 2] += slope * y;
    }
  };

  inverse(a: number, b: number, out: Float64Array): boolean {
    return newton(this.#gradient, a, b, a, b, this.#tolerance, out);
  }
}

function radialSum(c: readonly number[], r2: number): number {
  return c[0] + r2 * (c[1] + r2 * (c[2] + r2 * c[3]));
}
