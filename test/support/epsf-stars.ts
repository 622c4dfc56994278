/** Stars for the tests of effective PSFs: any profile integrated over pixels by its own quadrature, with noise from Philox. */
import { PhiloxStream, philoxKey } from '../../src/core/rng.ts';
import { type Epsf, epsfStamp, type StarCutout, splineCoefficients } from '../../src/sky/epsf/index.ts';
import { templateSamples } from '../../src/sky/epsf/template.ts';

export type Profile = (dx: number, dy: number) => number;

export function moffat(fwhm: number, beta: number): Profile {
  const alpha = fwhm / (2 * Math.sqrt(2 ** (1 / beta) - 1));
  const height = (beta - 1) / (Math.PI * alpha * alpha);
  return (dx, dy) => height * (1 + (dx * dx + dy * dy) / (alpha * alpha)) ** -beta;
}

export function gaussian(fwhm: number, q = 1, angle = 0): Profile {
  const sigma = fwhm / 2.3548200450309493;
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  return (dx, dy) => {
    const u = (c * dx + s * dy) / sigma;
    const v = (-s * dx + c * dy) / (sigma * q);
    return Math.exp(-0.5 * (u * u + v * v)) / (2 * Math.PI * sigma * sigma * q);
  };
}

/** Gauss-Legendre nodes and weights on [-1/2, 1/2], six points. */
const NODES = [
  -0.466234757101576, -0.3306046932331323, -0.1193095930415985, 0.1193095930415985, 0.3306046932331323, 0.466234757101576,
];
const WEIGHTS = [
  0.0856622461895852, 0.1803807865240693, 0.2339569672863455, 0.2339569672863455, 0.1803807865240693, 0.0856622461895852,
];

/** Pixel-integrated stamp of a profile of unit flux, star at (x, y). */
export function integrated(profile: Profile, x: number, y: number, size: number): Float64Array {
  const out = new Float64Array(size * size);
  for (let j = 0; j < size; j++) {
    for (let i = 0; i < size; i++) {
      let sum = 0;
      if (Math.hypot(i - x, j - y) > 12) {
        for (const b of [-0.28867513459481287, 0.28867513459481287]) {
          for (const a of [-0.28867513459481287, 0.28867513459481287]) sum += profile(i + a - x, j + b - y) / 4;
        }
      } else {
        for (let b = 0; b < 6; b++)
          for (let a = 0; a < 6; a++) sum += WEIGHTS[a] * WEIGHTS[b] * profile(i + NODES[a] - x, j + NODES[b] - y);
      }
      out[j * size + i] = sum;
    }
  }
  return out;
}

/** 1 / sum P^2 of a stamp: a star of flux F in noise sigma has S/N F / (sigma sqrt(area)). */
export function noiseArea(stamp: Float64Array): number {
  let sum = 0;
  for (const value of stamp) sum += value * value;
  return 1 / sum;
}

export interface SimulatedStars {
  readonly stars: StarCutout[];
  readonly x: number[];
  readonly y: number[];
  readonly flux: number[];
  readonly sigma: number;
}

/** Stars of one profile at random sub-pixel places with matched S/N `snr`, sky noise 1, guesses off by up to `guess` px. With `sign` -1 the same stars
 * under the opposite noise: the mean of a pair shows a bias without most of the scatter. */
export function simulateStars(
  profile: Profile,
  options: { count: number; size: number; snr: number; seed: number; guess?: number; background?: number; sign?: 1 | -1 },
): SimulatedStars {
  const { count, size, snr, seed, guess = 0.5, background = 0, sign = 1 } = options;
  const random = new PhiloxStream(philoxKey(seed));
  const out: SimulatedStars = { stars: [], x: [], y: [], flux: [], sigma: 1 };
  for (let n = 0; n < count; n++) {
    const x = (size - 1) / 2 + random.between(-0.5, 0.5);
    const y = (size - 1) / 2 + random.between(-0.5, 0.5);
    const stamp = integrated(profile, x, y, size);
    const flux = snr * Math.sqrt(noiseArea(stamp));
    const data = stamp.map((value) => flux * value + background + sign * random.normal());
    out.stars.push({
      data,
      weight: new Float64Array(size * size).fill(1),
      size,
      x: x + random.between(-guess, guess),
      y: y + random.between(-guess, guess),
    });
    out.x.push(x);
    out.y.push(y);
    out.flux.push(flux);
  }
  return out;
}

/** The exact PSF of a Moffat on a grid, of unit sum over 41 px. */
export function exact(fwhm: number, oversampling = 2, e1 = 0, x = 0): Epsf {
  const side = 2 * 24 * oversampling + 1;
  const samples = templateSamples({ fwhm, e1, e2: 0, inverseBeta: 1 / 3.5, x, y: 0 }, side, oversampling);
  const raw: Epsf = { side, oversampling, coefficients: splineCoefficients(samples, side), stampSize: 41, fluxOutside: 0 };
  const { sum } = epsfStamp(raw, 41);
  return { ...raw, coefficients: raw.coefficients.map((value) => value / sum), fluxOutside: 1 / sum - 1 };
}
