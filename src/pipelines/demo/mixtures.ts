/**
 * Galaxies through the PSF as sums of Gaussians (Hogg & Lang 2013, PASP 125, 719): a convolution adds covariances, and along a row of pixels a
 * Gaussian is two multiplications per pixel. Values are at pixel centres: the PSF is the effective one, with the pixel's response in it.
 *
 * The tables are least-squares fits of r x I(r), weights not negative: n = 1 to 6 half-light radii, n = 4 to 8 of them, beta = 3.5 to
 * 12 alpha; each is scaled to unit flux. Enclosed flux is within 0.2 % (n = 1, Moffat) and 7 % (n = 4, whose light beyond 8 radii
 * is moved inside) of the profile; the Moffat's noise-equivalent area is right to 0.2 %.
 */
export interface Mixture {
  readonly weights: readonly number[];
  /** Variance per axis in units of the squared half-light radius (Sersic) or alpha (Moffat). */
  readonly variances: readonly number[];
}

const unit = (weights: readonly number[], variances: readonly number[]): Mixture => {
  const sum = weights.reduce((a, b) => a + b, 0);
  return { weights: weights.map((weight) => weight / sum), variances };
};

export const EXPONENTIAL = unit(
  [0.00068272, 0.00838084, 0.054843, 0.22048488, 0.45337453, 0.26086565],
  [0.00282451, 0.01984763, 0.08529623, 0.28827849, 0.8414866, 2.26942577],
);
export const DE_VAUCOULEURS = unit(
  [0.00236891, 0.00814528, 0.02331124, 0.05647072, 0.11606395, 0.19902165, 0.27174849, 0.26408585],
  [8.192e-5, 0.00044855, 0.00219421, 0.0101171, 0.04589254, 0.21486631, 1.12010603, 7.96346409],
);
/** beta = 3.5. */
export const MOFFAT = unit([0.11107938, 0.46517278, 0.35247414, 0.07023865], [0.08100104, 0.17214365, 0.40572753, 1.25952732]);

export interface Frame {
  readonly width: number;
  readonly height: number;
  /** Row by row from the bottom. */
  readonly pixels: Float32Array;
}

export interface GalaxyShape {
  /** 0-based pixel centre. */
  readonly x: number;
  readonly y: number;
  readonly flux: number;
  readonly profile: Mixture;
  /** Semi-major half-light radius, pixels. */
  readonly radius: number;
  readonly q: number;
  /** Major axis, counter-clockwise from +x, rad. */
  readonly phi: number;
  /** alpha of the Moffat PSF, pixels. */
  readonly alpha: number;
}

/** Components narrower than this part of the narrowest PSF component are drawn as one: convolved they are alike. */
const NARROW = 0.05;

/** Adds a galaxy, each Gaussian out to where it falls below `faintest` flux per pixel. */
export function drawGalaxy(frame: Frame, shape: GalaxyShape, faintest: number): void {
  const { flux, radius, q, phi, alpha } = shape;
  const cos = Math.cos(phi);
  const sin = Math.sin(phi);
  const least = (NARROW * MOFFAT.variances[0] * alpha * alpha) / (radius * radius);
  const { weights, variances } = merged(shape.profile, least);
  for (let i = 0; i < weights.length; i++) {
    const major = variances[i] * radius * radius;
    const minor = major * q * q;
    for (let j = 0; j < MOFFAT.weights.length; j++) {
      const psf = MOFFAT.variances[j] * alpha * alpha;
      const xx = major * cos * cos + minor * sin * sin + psf;
      const yy = major * sin * sin + minor * cos * cos + psf;
      addGaussian(frame, shape.x, shape.y, flux * weights[i] * MOFFAT.weights[j], xx, yy, (major - minor) * cos * sin, faintest);
    }
  }
}

/** The mixture with all components below a variance as one of their mean variance. */
export function merged({ weights, variances }: Mixture, least: number): Mixture {
  const first = variances.findIndex((variance) => variance >= least);
  const narrow = first < 0 ? variances.length : first;
  if (narrow < 2) return { weights, variances };
  let weight = 0;
  let moment = 0;
  for (let i = 0; i < narrow; i++) {
    weight += weights[i];
    moment += weights[i] * variances[i];
  }
  return { weights: [weight, ...weights.slice(narrow)], variances: [moment / weight, ...variances.slice(narrow)] };
}

/** Adds a Gaussian of covariance (xx, xy, yy), pixels squared, within the ellipse on which it is `faintest`. */
export function addGaussian(
  { width, height, pixels }: Frame,
  x: number,
  y: number,
  flux: number,
  xx: number,
  yy: number,
  xy: number,
  faintest: number,
): void {
  const determinant = xx * yy - xy * xy;
  const peak = flux / (2 * Math.PI * Math.sqrt(determinant));
  if (!(peak > faintest)) return;
  const reach2 = 2 * Math.log(peak / faintest);
  const [a, b, c] = [yy / determinant, -xy / determinant, xx / determinant];
  const halfHeight = Math.sqrt(reach2 * yy);
  const step = Math.exp(-a);
  const top = Math.min(height - 1, Math.floor(y + halfHeight));
  for (let row = Math.max(0, Math.ceil(y - halfHeight)); row <= top; row++) {
    const dy = row - y;
    const middle = (-b * dy) / a;
    const rest = middle * middle - (c * dy * dy - reach2) / a;
    if (!(rest > 0)) continue;
    const half = Math.sqrt(rest);
    const from = Math.max(0, Math.ceil(x + middle - half));
    const to = Math.min(width - 1, Math.floor(x + middle + half));
    const dx = from - x;
    let value = peak * Math.exp(-0.5 * (a * dx * dx + 2 * b * dx * dy + c * dy * dy));
    let ratio = Math.exp(-0.5 * (a * (2 * dx + 1) + 2 * b * dy));
    for (let at = row * width + from, end = row * width + to; at <= end; at++) {
      pixels[at] += value;
      value *= ratio;
      ratio *= step;
    }
  }
}
