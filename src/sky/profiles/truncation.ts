/**
 * Flux that a circular profile loses beyond a square box, from its loss beyond a circle.
 */
import { ArcletError } from '../../core/errors.ts';

/** Fraction of the flux outside radius r. */
export type CircularLoss = (radius: number) => number;

const PANELS = 32;

/**
 * Fraction of the flux outside the square |x|, |y| <= halfSide: (4/pi) times the integral over polar angle 0..pi/4 of the loss beyond
 * halfSide/cos(angle). The integrand is smooth (Simpson, 64 intervals: 1e-8 relative).
 */
export function fluxOutsideSquare(loss: CircularLoss, halfSide: number): number {
  const step = Math.PI / 8 / PANELS;
  let sum = 0;
  for (let k = 0; k <= 2 * PANELS; k++) {
    const weight = k === 0 || k === 2 * PANELS ? 1 : k % 2 === 1 ? 4 : 2;
    sum += weight * loss(halfSide / Math.cos(k * step));
  }
  return (4 / Math.PI) * (step / 3) * sum;
}

/**
 * Half side of the square outside which `fraction` of the flux lies, by bisection to 1e-12 relative.
 * @param circleRadius radius outside which the same fraction lies: the square that holds it circumscribes no larger a circle
 */
export function halfSideOfLoss(loss: CircularLoss, fraction: number, circleRadius: number): number {
  if (!(fraction > 0 && fraction < 1)) {
    throw new ArcletError('INPUT_INVALID', `A lost flux fraction of ${fraction} has no box.`, {
      subject: 'fraction',
      remedy: 'Give a fraction between 0 and 1, both excluded.',
    });
  }
  // The square of half side r loses less than the circle r, the square of half side r/sqrt(2) more.
  let low = circleRadius * Math.SQRT1_2;
  let high = circleRadius;
  while (high - low > 1e-12 * high) {
    const middle = 0.5 * (low + high);
    if (fluxOutsideSquare(loss, middle) > fraction) low = middle;
    else high = middle;
  }
  return 0.5 * (low + high);
}
