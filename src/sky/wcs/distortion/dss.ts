/**
 * The plate solution of the Digitized Sky Survey (AMDXn, AMDYn; Lasker et al. 1990, AJ 99, 2019): pixels -> plate millimetres ->
 * standard coordinates by a polynomial. Where it stands in a header, the TAN keywords beside it are an approximation within about 1 arcsec.
 */
import { type HeaderReader, keywordError } from '../header.ts';
import { type Distortion, newton } from './distortion.ts';
import { Polynomial2 } from './polynomial.ts';

const REQUIRED = [
  'AMDX1',
  'AMDY1',
  'PPO3',
  'PPO6',
  'XPIXELSZ',
  'YPIXELSZ',
  'CNPIX1',
  'CNPIX2',
  'PLTRAH',
  'PLTRAM',
  'PLTRAS',
  'PLTDECD',
  'PLTDECM',
  'PLTDECS',
];

export interface PlateSolution {
  /** Plate centre, degrees. */
  lonDeg: number;
  latDeg: number;
  /** Millimetres per pixel along the axes and the 1-based pixel of the plate's zero point. */
  mmPerPixel: readonly [number, number];
  crpix: readonly [number, number];
  /** Millimetres -> degrees on the tangent plane. */
  distortion: Distortion;
}

/** True when the header holds a whole plate solution. */
export function hasPlateSolution(header: HeaderReader): boolean {
  return header.alternate === '' && REQUIRED.every((key) => header.has(key));
}

/** The plate solution. Throws INPUT_INVALID naming a keyword that is no number or a pixel size that is not positive. */
export function readPlateSolution(header: HeaderReader): PlateSolution {
  const need = (key: string): number => header.number(key) ?? 0;
  const size = ['XPIXELSZ', 'YPIXELSZ'].map((key) => {
    const value = need(key);
    if (!(value > 0)) throw keywordError(key, `${key} is ${value}, not a width in micrometres.`, `Correct ${key}.`);
    return value;
  });
  const sign = header.text('PLTDECSN')?.startsWith('-') ? -1 : 1;
  return {
    lonDeg: 15 * (need('PLTRAH') + need('PLTRAM') / 60 + need('PLTRAS') / 3600),
    latDeg: sign * (need('PLTDECD') + need('PLTDECM') / 60 + need('PLTDECS') / 3600),
    mmPerPixel: [-size[0] / 1000, size[1] / 1000],
    crpix: [need('PPO3') / size[0] - need('CNPIX1') + 0.5, need('PPO6') / size[1] - need('CNPIX2') + 0.5],
    distortion: new PlatePolynomial(readAxis(header, 'AMDX', false), readAxis(header, 'AMDY', true), size[0] / 1000),
  };
}

/** The thirteen terms as powers of the axis' own coordinate and of the other one, arcsec. */
function readAxis(header: HeaderReader, prefix: string, swap: boolean): Polynomial2 {
  const a = [0, ...Array.from({ length: 13 }, (_, m) => (header.number(`${prefix}${m + 1}`) ?? 0) / 3600)];
  const terms: [own: number, other: number, value: number][] = [
    [1, 0, a[1]],
    [0, 1, a[2]],
    [0, 0, a[3]],
    [2, 0, a[4] + a[7]],
    [1, 1, a[5]],
    [0, 2, a[6] + a[7]],
    [3, 0, a[8] + a[12]],
    [2, 1, a[9]],
    [1, 2, a[10] + a[12]],
    [0, 3, a[11]],
    [5, 0, a[13]],
    [3, 2, 2 * a[13]],
    [1, 4, a[13]],
  ];
  const polynomial = new Polynomial2(5);
  for (const [own, other, value] of terms) polynomial.set(swap ? other : own, swap ? own : other, value);
  return polynomial;
}

class PlatePolynomial implements Distortion {
  readonly #xi: Polynomial2;
  readonly #eta: Polynomial2;
  readonly #pixelMm: number;

  constructor(xi: Polynomial2, eta: Polynomial2, pixelMm: number) {
    this.#xi = xi;
    this.#eta = eta;
    this.#pixelMm = pixelMm;
  }

  forward(x: number, y: number, out: Float64Array): void {
    out[0] = this.#xi.value(x, y);
    out[1] = this.#eta.value(x, y);
  }

  readonly #gradient = (x: number, y: number, out: Float64Array): void => {
    out.fill(0);
    this.#xi.addGradient(x, y, out, 0);
    this.#eta.addGradient(x, y, out, 3);
  };

  inverse(a: number, b: number, out: Float64Array): boolean {
    // Schmidt plates of the survey have 67.2 arcsec a millimetre.
    const degPerMm = 67.2 / 3600;
    return newton(this.#gradient, a, b, a / degPerMm, b / degPerMm, 1e-9 * this.#pixelMm * degPerMm, out);
  }
}
