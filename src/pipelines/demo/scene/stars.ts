/**
 * Stars of the demo scene: the Moffat integrated over every pixel by Gauss-Legendre quadrature, 4 x 4 points in the core and 2 x 2 outside.
 * With FWHM >= 2 px pixels are right to 1e-5 of the brightest one, fluxes to 1e-5 of what lies within the drawn ellipse.
 */
import { moffatPeak, moffatRadiusOfLoss } from '../../../sky/profiles/moffat.ts';
import { MOFFAT_BETA } from '../bands.ts';
import type { Frame } from '../mixtures.ts';

/** An elliptical Moffat: I ~ (1 + z^T S^-1 z)^-3.5 with S = [[xx, xy], [xy, yy]], pixels squared, of determinant alpha^4. */
export interface PsfShape {
  readonly alpha: number;
  readonly xx: number;
  readonly xy: number;
  readonly yy: number;
}

/** Flux beyond the drawn ellipse, of stars of any brightness. */
const STAR_LOSS = 2e-4;

/** Gauss-Legendre nodes and weights on (-1/2, 1/2). */
const CORE = gauss([0.8611363115940526, 0.3399810435848563], [0.3478548451374538, 0.6521451548625461]);
const WING = gauss([0.5773502691896258], [1]);
/** Pixels within this many alpha of the centre are core. */
const CORE_ALPHAS = 2.5;

interface Points {
  readonly at: readonly number[];
  readonly weights: readonly number[];
}

function gauss(nodes: readonly number[], weights: readonly number[]): Points {
  const both = nodes.flatMap((node, index) => [
    { at: -node / 2, weight: weights[index] / 2 },
    { at: node / 2, weight: weights[index] / 2 },
  ]);
  return { at: both.map(({ at }) => at), weights: both.map(({ weight }) => weight) };
}

/** Part of the flux in the pixel whose centre is (dx, dy) off the star. */
export function pixelIntegral(shape: PsfShape, dx: number, dy: number): number {
  const { alpha, xx, xy, yy } = shape;
  const determinant = xx * yy - xy * xy;
  const [a, b, c] = [yy / determinant, -xy / determinant, xx / determinant];
  const { at, weights } = a * dx * dx + 2 * b * dx * dy + c * dy * dy < CORE_ALPHAS * CORE_ALPHAS ? CORE : WING;
  let sum = 0;
  for (let j = 0; j < at.length; j++) {
    const v = dy + at[j];
    for (let i = 0; i < at.length; i++) {
      const u = dx + at[i];
      const t = 1 + a * u * u + 2 * b * u * v + c * v * v;
      // MOFFAT_BETA is 3.5.
      sum += (weights[i] * weights[j]) / (t * t * t * Math.sqrt(t));
    }
  }
  return sum * moffatPeak(alpha, MOFFAT_BETA);
}

/** Adds a star, out to where it falls below `faintest` flux per pixel, and at least to the ellipse that holds all but STAR_LOSS of it. */
export function drawStar(frame: Frame, x: number, y: number, flux: number, shape: PsfShape, faintest: number): void {
  const { alpha, xx, yy } = shape;
  const peak = flux * moffatPeak(alpha, MOFFAT_BETA);
  const loss = moffatRadiusOfLoss(STAR_LOSS, alpha, MOFFAT_BETA) / alpha;
  // In units of alpha.
  const reach = Math.max(loss, Math.sqrt(Math.max(0, (peak / faintest) ** (1 / MOFFAT_BETA) - 1)));
  const { width, height, pixels } = frame;
  const [halfWidth, halfHeight] = [reach * Math.sqrt(xx), reach * Math.sqrt(yy)];
  const determinant = xx * yy - shape.xy * shape.xy;
  const [a, b, c] = [yy / determinant, -shape.xy / determinant, xx / determinant];
  const top = Math.min(height - 1, Math.ceil(y + halfHeight));
  const right = Math.min(width - 1, Math.ceil(x + halfWidth));
  const limit = (reach + 1 / alpha) ** 2;
  for (let row = Math.max(0, Math.floor(y - halfHeight)); row <= top; row++) {
    const dy = row - y;
    for (let column = Math.max(0, Math.floor(x - halfWidth)); column <= right; column++) {
      const dx = column - x;
      // Pixels that the edge of the ellipse cuts are drawn whole.
      if (a * dx * dx + 2 * b * dx * dy + c * dy * dy > limit) continue;
      pixels[row * width + column] += flux * pixelIntegral(shape, dx, dy);
    }
  }
}
