/**
 * How stars differ from a PSF in the few ways that move fluxes: width, wings, ellipticity. All stars together say by how much, with flux, centre and
 * background of every star left free (a score test; Rao 1948, Proc. Camb. Phil. Soc. 44, 50).
 */
import type { Epsf } from './epsf.ts';
import { solveSymmetric } from './linear.ts';
import { StampSampler } from './spline.ts';
import type { FitStar } from './stars.ts';

/** Modes: logarithm of the width, light moved from the core to the wings (part of the flux), two ellipticities ((a-b)/(a+b) along x, and at 45 degrees). */
export const MODES = 4;
export const [WIDTH, WINGS, E1, E2] = [0, 1, 2, 3];

/** Own free parameters of a star: flux, x, y, background. */
const FREE = 4;

/** What stars say of the modes. Sums of several cells are what all their stars say. */
export interface ModeEvidence {
  /** MODES x MODES: inverse covariance of the amplitudes. */
  readonly information: Float64Array;
  /** MODES: information x amplitudes. */
  readonly score: Float64Array;
  /** MODES: what an amplitude of 1 adds to matched flux / flux. */
  readonly gain: Float64Array;
}

/** An estimate and its error. */
export interface Estimate {
  readonly value: number;
  readonly error: number;
}

/** The wings' shape at r px: a Moffat of beta 2.5 and the PSF's FWHM, with its core (below one FWHM) faded out. */
function wingShape(r: number, fwhm: number): number {
  const u = r / fwhm;
  const beyond = u * u * u * u;
  // alpha^2 = FWHM^2 / (4 (2^(1/2.5) - 1)).
  return (beyond / (1 + beyond)) * (1 + u * u * 4 * (2 ** 0.4 - 1)) ** -2.5;
}

/** The modes of a PSF, flux kept: each sums to 0 over the stamp. */
export class ModeShapes {
  readonly #fwhm: number;
  readonly #sums = new Float64Array(MODES);
  readonly #wingLight: number;
  /** MODES: matched flux (equal weights) of a star that has an amplitude of 1, over its flux, less 1. */
  readonly gain = new Float64Array(MODES);

  constructor(epsf: Epsf, fwhm: number) {
    this.#fwhm = fwhm;
    const size = epsf.stampSize;
    const middle = (size - 1) / 2;
    const [model, byX, byY] = [0, 1, 2].map(() => new Float64Array(size * size));
    new StampSampler(epsf.side, epsf.oversampling).sample(epsf.coefficients, middle, middle, size, size, model, byX, byY);
    const raw = new Float64Array(MODES);
    let light = 0;
    for (let k = 0; k < model.length; k++)
      light += wingShape(Math.hypot((k % size) - middle, Math.floor(k / size) - middle), fwhm);
    this.#wingLight = light;
    const inner = new Float64Array(MODES);
    let square = 0;
    let sum = 0;
    for (let k = 0; k < model.length; k++) {
      this.#raw(raw, (k % size) - middle, Math.floor(k / size) - middle, model[k], byX[k], byY[k]);
      square += model[k] * model[k];
      sum += model[k];
      for (let m = 0; m < MODES; m++) {
        this.#sums[m] += raw[m];
        inner[m] += raw[m] * model[k];
      }
    }
    for (let m = 0; m < MODES; m++) {
      this.#sums[m] /= sum;
      this.gain[m] = inner[m] / square - this.#sums[m];
    }
  }

  #raw(out: Float64Array, dx: number, dy: number, model: number, byX: number, byY: number): void {
    // E(r / w) / w^2 by ln w; byX, byY are derivatives by the star's place.
    out[WIDTH] = -2 * model + dx * byX + dy * byY;
    out[WINGS] = wingShape(Math.hypot(dx, dy), this.#fwhm) / this.#wingLight;
    out[E1] = dx * byX - dy * byY;
    out[E2] = dx * byY + dy * byX;
  }

  /** Values of all modes at a pixel that lies (dx, dy) from the star. */
  at(out: Float64Array, dx: number, dy: number, model: number, byX: number, byY: number): void {
    this.#raw(out, dx, dy, model, byX, byY);
    for (let m = 0; m < MODES; m++) out[m] -= this.#sums[m] * model;
  }
}

/** Evidence of one fitted star: the modes' normal equations with its own parameters eliminated; undefined where these are not determined. */
export function starEvidence(star: FitStar, shapes: ModeShapes): ModeEvidence | undefined {
  const all = MODES + FREE;
  const { size, x, y, data, weight, model, byX, byY, flux, background } = star;
  const matrix = new Float64Array(all * all);
  const right = new Float64Array(all);
  const row = new Float64Array(all);
  for (let k = 0; k < data.length; k++) {
    const w = weight[k];
    if (w === 0) continue;
    const i = k % size;
    shapes.at(row, i - x, (k - i) / size - y, model[k], byX[k], byY[k]);
    for (let m = 0; m < MODES; m++) row[m] *= flux;
    row[MODES] = model[k];
    row[MODES + 1] = flux * byX[k];
    row[MODES + 2] = flux * byY[k];
    row[MODES + 3] = 1;
    const residual = w * (data[k] - background - flux * model[k]);
    for (let a = 0; a < all; a++) {
      right[a] += row[a] * residual;
      for (let b = 0; b <= a; b++) matrix[a * all + b] += w * row[a] * row[b];
    }
  }
  const information = new Float64Array(MODES * MODES);
  const score = right.slice(0, MODES);
  for (let a = 0; a < MODES; a++)
    for (let b = 0; b < MODES; b++) information[a * MODES + b] = matrix[Math.max(a, b) * all + Math.min(a, b)];
  for (let m = 0; m < MODES; m++) {
    const own = new Float64Array(FREE * FREE);
    for (let a = 0; a < FREE; a++) {
      for (let b = 0; b < FREE; b++) own[a * FREE + b] = matrix[(MODES + Math.max(a, b)) * all + MODES + Math.min(a, b)];
    }
    const solved = Float64Array.from({ length: FREE }, (_, a) => matrix[(MODES + a) * all + m]);
    if (!solveSymmetric(own, solved, FREE)) return undefined;
    for (let a = 0; a < FREE; a++) {
      score[m] -= solved[a] * right[MODES + a];
      for (let b = 0; b < MODES; b++) information[m * MODES + b] -= solved[a] * matrix[(MODES + a) * all + b];
    }
  }
  return { information, score, gain: shapes.gain };
}

/** Sums; the gain is the mean weighted with what each says of the width. */
export function addEvidence(parts: readonly ModeEvidence[]): ModeEvidence {
  const information = new Float64Array(MODES * MODES);
  const score = new Float64Array(MODES);
  const gain = new Float64Array(MODES);
  let weights = 0;
  for (const part of parts) {
    const weight = part.information[WIDTH * MODES + WIDTH];
    weights += weight;
    for (let k = 0; k < information.length; k++) information[k] += part.information[k];
    for (let m = 0; m < MODES; m++) {
      score[m] += part.score[m];
      gain[m] += weight * part.gain[m];
    }
  }
  return { information, score, gain: gain.map((value) => value / weights) };
}

export interface ModeAnswer {
  /** Amplitudes of the modes. */
  readonly modes: readonly Estimate[];
  /** Matched flux over flux, less 1. */
  readonly bias: Estimate;
}

/**
 * Amplitudes and the flux bias that follows from them.
 *
 * @param parts one evidence for a star (or cell); where they disagree by more than their errors, the errors grow (sandwich)
 */
export function solveModes(parts: readonly ModeEvidence[]): ModeAnswer {
  const { information, score, gain } = addEvidence(parts);
  const unknown = { value: Number.NaN, error: Number.POSITIVE_INFINITY };
  const inverse = invert(information);
  if (parts.length === 0 || inverse === undefined) return { modes: Array.from({ length: MODES }, () => unknown), bias: unknown };
  const amplitude = product(inverse, score);
  // What parts say beyond the common answer; with n of them their scatter shows (n - 1)/n of the variance. Along one direction few stars scatter
  // little by chance: their disagreement in all modes counts too.
  let chi2 = 0;
  const meat = new Float64Array(MODES * MODES);
  for (const part of parts) {
    const left = product(part.information, amplitude).map((value, m) => part.score[m] - value);
    for (let a = 0; a < MODES; a++) for (let b = 0; b < MODES; b++) meat[a * MODES + b] += left[a] * left[b];
    const solved = left.slice();
    if (solveSymmetric(part.information.slice(), solved, MODES)) chi2 += dot(left, solved);
  }
  const excess = parts.length > 1 ? Math.max(1, chi2 / (MODES * (parts.length - 1))) : 1;
  const grow = parts.length > 1 ? parts.length / (parts.length - 1) : 0;
  const along = (direction: ArrayLike<number>): number => {
    const solved = product(inverse, direction);
    const formal = dot(solved, direction);
    return Math.sqrt(Math.max(excess * formal, grow * dot(solved, product(meat, solved))));
  };
  const unit = (m: number) => Float64Array.from({ length: MODES }, (_, k) => (k === m ? 1 : 0));
  return {
    modes: Array.from(amplitude, (value, m) => ({ value, error: along(unit(m)) })),
    bias: { value: dot(gain, amplitude), error: along(gain) },
  };
}

/** How far a part's answer is from the common one: chi-squared of MODES degrees of freedom. */
export function disagreement({ information, score }: ModeEvidence, modes: readonly Estimate[]): number {
  const left = product(
    information,
    modes.map(({ value }) => value),
  ).map((value, m) => score[m] - value);
  const solved = left.slice();
  return solveSymmetric(information.slice(), solved, MODES) ? dot(left, solved) : 0;
}

function invert(matrix: Float64Array): Float64Array | undefined {
  const inverse = new Float64Array(MODES * MODES);
  for (let m = 0; m < MODES; m++) {
    const column = Float64Array.from({ length: MODES }, (_, k) => (k === m ? 1 : 0));
    if (!solveSymmetric(matrix.slice(), column, MODES)) return undefined;
    for (let k = 0; k < MODES; k++) inverse[k * MODES + m] = column[k];
  }
  return inverse;
}

function product(matrix: Float64Array, vector: ArrayLike<number>): Float64Array {
  return Float64Array.from({ length: MODES }, (_, a) => {
    let sum = 0;
    for (let b = 0; b < MODES; b++) sum += matrix[a * MODES + b] * vector[b];
    return sum;
  });
}

function dot(one: ArrayLike<number>, other: ArrayLike<number>): number {
  let sum = 0;
  for (let k = 0; k < one.length; k++) sum += one[k] * other[k];
  return sum;
}
