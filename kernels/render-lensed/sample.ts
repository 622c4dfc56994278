/** Random valid sources behind given lenses, for tests and benches. */
import { PhiloxStream, philoxKey } from '../../src/core/rng.ts';
import type { LensParameters } from '../../src/sky/lensing/models.ts';
import { NO_SOURCE, type SourceParameters, sersicSource, type TemplateBank, templateSource } from '../source-struct.ts';
import type { RenderLensedOptions } from './options.ts';

/** Two 24 px templates: a two-armed spiral and three knots. */
export function sampleBank(seed: number): TemplateBank {
  const side = 24;
  const images = new Float32Array(2 * side * side);
  const stream = new PhiloxStream(philoxKey(seed));
  const next = (): number => stream.uniform();
  const knots = Array.from({ length: 3 }, () => ({ x: 6 + 12 * next(), y: 6 + 12 * next(), s: 1 + 1.5 * next() }));
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const dx = x - (side - 1) / 2;
      const dy = y - (side - 1) / 2;
      const r = Math.hypot(dx, dy);
      images[y * side + x] = Math.exp(-r / 3) * (1 + 0.8 * Math.cos(2 * Math.atan2(dy, dx) - 0.9 * r));
      let sum = 0;
      for (const knot of knots) sum += Math.exp(-((x - knot.x) ** 2 + (y - knot.y) ** 2) / (2 * knot.s * knot.s));
      images[side * side + y * side + x] = sum;
    }
  }
  return { images, side };
}

/**
 * One Sersic per component (r_eff 0.06-0.5 arcsec, n 0.3-6, q 0.2-1) or, in the last component when there is a bank, a template; within 0.8 theta_E
 * of the lens, so that most rows are multiply imaged. Every eleventh last component is empty.
 */
export function sampleSources(
  options: RenderLensedOptions,
  lenses: readonly LensParameters[],
  seed: number,
  bank?: TemplateBank,
): { sources: SourceParameters[]; flux: Float64Array } {
  const { components, bands, pixscaleArcsec } = options;
  const stream = new PhiloxStream(philoxKey(seed));
  const next = (): number => stream.uniform();
  const sources: SourceParameters[] = [];
  const flux = Float64Array.from({ length: lenses.length * components * bands }, () => 0.5 + 2 * next());
  lenses.forEach((lens, item) => {
    for (let component = 0; component < components; component++) {
      const radius = 0.8 * Math.max(0.5, lens.b) * Math.sqrt(next());
      const angle = 2 * Math.PI * next();
      const place = {
        xArcsec: lens.x + radius * Math.cos(angle),
        yArcsec: lens.y + radius * Math.sin(angle),
        phiRad: Math.PI * next(),
      };
      const last = component === components - 1 && components > 1;
      if (last && item % 11 === 10) {
        sources.push(NO_SOURCE);
      } else if (last && bank !== undefined) {
        sources.push(templateSource({ ...place, template: item % 2, templatePixscaleArcsec: 0.04 }, bank, pixscaleArcsec));
      } else {
        const n = item % 5 === 0 ? 1 : 0.3 + 5.7 * next();
        sources.push(sersicSource({ ...place, n, rEffArcsec: 0.06 + 0.44 * next(), q: 0.2 + 0.8 * next() }, pixscaleArcsec));
      }
    }
  });
  return { sources, flux };
}
