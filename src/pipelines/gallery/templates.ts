/** Galaxies drawn by formula, as a template bank of the gallery: no survey stamp is needed to show what templates are for. */
import type { TemplateBank } from '../../../kernels/source-struct.ts';
import { PhiloxStream, philoxKey } from '../../core/rng.ts';

/** Pixels per side. */
export const TEMPLATE_SIDE = 96;
/** Index of each picture in the bank. */
export const TEMPLATE = { spiral: 0, knots: 1, barred: 2 } as const;

const SEED = 11;

/** Two-armed spirals are light along theta = ln(r) / tan(pitch), on an exponential disk. */
function spiral(pitchRad: number, armContrast: number, barLength: number): Float64Array {
  return paint((x, y) => {
    const r = Math.hypot(x, y) + 1e-6;
    const phase = 2 * (Math.atan2(y, x) - Math.log(r + 0.02) / Math.tan(pitchRad));
    const fade = r ** 2 / (r ** 2 + 0.04 + barLength ** 2);
    const arms = 1 + armContrast * fade * (0.5 + 0.5 * Math.cos(phase)) ** 3;
    const bar = barLength > 0 ? 6 * Math.exp(-((x / barLength) ** 2) - (y / (0.25 * barLength)) ** 2) : 0;
    return Math.exp(-r / 0.24) * arms + bar * 0.12;
  });
}

/** Star-forming knots strung along the arms of the first spiral. */
function knots(pitchRad: number): Float64Array {
  const random = new PhiloxStream(philoxKey(SEED));
  const spots = Array.from({ length: 26 }, (_, index) => {
    const r = 0.14 + 0.6 * random.uniform();
    const angle = Math.log(r + 0.02) / Math.tan(pitchRad) + Math.PI * (index % 2) + 0.25 * (random.uniform() - 0.5);
    return {
      x: r * Math.cos(angle),
      y: r * Math.sin(angle),
      flux: Math.exp(-r / 0.4) * (0.3 + random.uniform()),
      width: 0.022 + 0.02 * random.uniform(),
    };
  });
  return paint((x, y) =>
    spots.reduce((sum, spot) => sum + spot.flux * Math.exp(-((x - spot.x) ** 2 + (y - spot.y) ** 2) / (2 * spot.width ** 2)), 0),
  );
}

/** Light on -1..1 in both axes, brought smoothly to zero at the edge of the template. */
function paint(light: (x: number, y: number) => number): Float64Array {
  const image = new Float64Array(TEMPLATE_SIDE ** 2);
  const centre = (TEMPLATE_SIDE - 1) / 2;
  for (let j = 0; j < TEMPLATE_SIDE; j++) {
    for (let i = 0; i < TEMPLATE_SIDE; i++) {
      const [x, y] = [(i - centre) / centre, (j - centre) / centre];
      const edge = Math.min(1, Math.max(0, (0.97 - Math.hypot(x, y)) / 0.25));
      image[j * TEMPLATE_SIDE + i] = light(x, y) * edge * edge * (3 - 2 * edge);
    }
  }
  return image;
}

/** The bank, templates in the order of {@link TEMPLATE}. */
export function galleryBank(): TemplateBank {
  const pitch = 0.36;
  const images = [spiral(pitch, 9, 0), knots(pitch), spiral(0.45, 7, 0.22)];
  return { images: Float64Array.from(images.flatMap((image) => [...image])), side: TEMPLATE_SIDE };
}
