/** Templates of fitted galaxies: Sersic profiles integrated over pixels, without noise or PSF. */
import { sersicProfile, sersicScale } from '../../../sky/profiles/sersic.ts';
import { centroid, clumpiness, halfLightRadius } from './light.ts';
import { type BankRules, refused, refuseSize, type Verdict } from './rules.ts';

export interface SersicComponent {
  readonly n: number;
  /** Half-light radius along the major axis, arcsec. */
  readonly majorArcsec: number;
  /** Minor over major axis. */
  readonly axisRatio: number;
  /** Of the major axis, from x to y. */
  readonly positionAngleRad: number;
  /** Total, any unit. */
  readonly flux: number;
}

export interface ParametricGalaxy {
  /** All about the same centre. */
  readonly components: readonly SersicComponent[];
}

/** Samples along a side of a pixel, by the distance of the pixel from the centre: cusps of n = 4 fall by a factor of 10 within one pixel. */
function samplesAt(distancePx: number): number {
  if (distancePx < 2) return 48;
  if (distancePx < 5) return 12;
  return distancePx < 12 ? 5 : 3;
}

/**
 * Light of a galaxy of unit total flux in each pixel of a square, centred at ((side - 1)/2, (side - 1)/2). Light outside of the circle that
 * fits in the square is left out, so that templates have no corners.
 */
export function renderGalaxy({ components }: ParametricGalaxy, side: number, pixscaleArcsec: number): Float64Array {
  const total = components.reduce((sum, { flux }) => sum + flux, 0);
  const out = new Float64Array(side * side);
  const middle = (side - 1) / 2;
  const edge2 = (side / 2) ** 2;
  for (const { n, majorArcsec, axisRatio, positionAngleRad, flux } of components) {
    const { bn, majorRadius, centralBrightness } = sersicScale(n, majorArcsec / pixscaleArcsec, axisRatio);
    const [cos, sin] = [Math.cos(positionAngleRad) / majorRadius, Math.sin(positionAngleRad) / majorRadius];
    for (let pixel = 0; pixel < out.length; pixel++) {
      const [px, py] = [(pixel % side) - middle, Math.floor(pixel / side) - middle];
      const samples = samplesAt(Math.hypot(px, py));
      let sum = 0;
      for (let sample = 0; sample < samples * samples; sample++) {
        const x = px + ((sample % samples) + 0.5) / samples - 0.5;
        const y = py + (Math.floor(sample / samples) + 0.5) / samples - 0.5;
        if (x * x + y * y > edge2) continue;
        const [along, across] = [x * cos + y * sin, (y * cos - x * sin) / axisRatio];
        sum += sersicProfile(along * along + across * across, bn, 1 / n);
      }
      out[pixel] += ((flux / total) * centralBrightness * sum) / (samples * samples);
    }
  }
  return out;
}

/** Examines one galaxy: renders it and holds it to the rules on size. */
export function examineGalaxy(galaxy: ParametricGalaxy, rules: BankRules): Verdict {
  const side = rules.stampSize;
  const image = renderGalaxy(galaxy, side, rules.srcPixscaleArcsec);
  const inside = image.reduce((sum, value) => sum + value, 0);
  const size = { width: side, height: side };
  const measured = {
    sky: 0,
    noiseSigma: 0,
    noiseCorrelation: 1,
    flux: galaxy.components.reduce((sum, { flux }) => sum + flux, 0),
    snr: Number.POSITIVE_INFINITY,
    segmentAreaPx: image.reduce((count, value) => count + (value > 0 ? 1 : 0), 0),
    hlrArcsec: halfLightRadius(image, size, centroid(image, size)) * rules.srcPixscaleArcsec,
    clumpiness: clumpiness(image, size),
  };
  const wrong = refuseSize(measured.hlrArcsec, side * rules.srcPixscaleArcsec, rules);
  if (wrong !== undefined) return refused(wrong.reason, wrong.detail, measured);
  if (1 - inside > rules.maxUnrenderedShare) {
    const lost = `${(100 * (1 - inside)).toFixed(1)} %`;
    return refused('LARGER_THAN_STAMP', `${lost} of its light lies outside of the circle in ${side} pixels`, measured);
  }
  return { template: Float32Array.from(image, (value) => value / inside), measured };
}
