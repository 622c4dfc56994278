/**
 * The PSF of the demo scene: an elliptical Moffat that changes with band and place. It is what falls on the detector; the pixel's response comes on
 * top, so the effective PSF is wider.
 */
import { type PhiloxKey, PhiloxStream } from '../../../core/rng.ts';
import { moffatAlpha } from '../../../sky/profiles/moffat.ts';
import { MOFFAT_BETA } from '../bands.ts';
import type { SceneBand } from './bands.ts';
import { type PsfShape, pixelIntegral } from './stars.ts';

const PSF_TAG = 700;

export interface PlacePsf {
  /** Geometric mean of the FWHM along both axes, before the pixel, px. */
  readonly fwhmPx: number;
  /** Axis ratio minor/major. */
  readonly q: number;
  /** Major axis, counter-clockwise from +x, rad. */
  readonly phi: number;
}

/** PSF of a band by place. In the frame the FWHM is within 9 % of the middle's, the axis ratio above 0.92. */
export function psfField(band: SceneBand, size: number, key: PhiloxKey): (x: number, y: number) => PlacePsf {
  const random = new PhiloxStream(key, [band.index, 0, PSF_TAG]);
  const tilt = 2 * Math.PI * random.uniform();
  const stretch = 2 * Math.PI * random.uniform();
  const bowl = random.between(0.03, 0.06);
  const half = size / 2;
  return (x, y) => {
    const u = (x + 0.5 - half) / half;
    const v = (y + 0.5 - half) / half;
    const r2 = (u * u + v * v) / 2;
    const fwhmPx = band.fwhmPx * (1 + bowl * (r2 - 0.3) + 0.04 * (u * Math.cos(tilt) + v * Math.sin(tilt)) * Math.SQRT1_2);
    // Astigmatism along the radius that grows outwards, and a part that is the same everywhere (wind, tracking).
    const around = 2 * Math.atan2(v, u);
    const e1 = 0.015 * Math.cos(stretch) + 0.025 * r2 * Math.cos(around);
    const e2 = 0.015 * Math.sin(stretch) + 0.025 * r2 * Math.sin(around);
    const e = Math.hypot(e1, e2);
    return { fwhmPx, q: (1 - e) / (1 + e), phi: Math.atan2(e2, e1) / 2 };
  };
}

/** The Moffat of a place as {@link PsfShape}. */
export function psfShape({ fwhmPx, q, phi }: PlacePsf): PsfShape {
  const alpha = moffatAlpha(fwhmPx, MOFFAT_BETA);
  const [cos, sin] = [Math.cos(phi), Math.sin(phi)];
  const [major, minor] = [(alpha * alpha) / q, alpha * alpha * q];
  return {
    alpha,
    xx: major * cos * cos + minor * sin * sin,
    yy: major * sin * sin + minor * cos * cos,
    xy: (major - minor) * cos * sin,
  };
}

/** FWHM of the effective PSF, px: where a pixel holds half of what the one on the star does, for a round PSF. By bisection to 1e-6. */
export function effectiveFwhm(fwhmPx: number): number {
  const shape = psfShape({ fwhmPx, q: 1, phi: 0 });
  const half = pixelIntegral(shape, 0, 0) / 2;
  let [low, high] = [0, 2 * fwhmPx + 2];
  while (high - low > 1e-6) {
    const middle = (low + high) / 2;
    if (pixelIntegral(shape, middle, 0) > half) low = middle;
    else high = middle;
  }
  return low + high;
}
