/** Sources of the demo scene: stars with black-body colours and galaxies with a 4000 Angstrom break, drawn from one seed. */
import { type PhiloxKey, PhiloxStream } from '../../../core/rng.ts';
import { PIXSCALE_ARCSEC, REFERENCE_NM } from './bands.ts';

export type SourceType = 'STAR' | 'EXP' | 'DEV' | 'SERSIC';

export interface SceneSource {
  readonly type: SourceType;
  /** In the frame, 0-based pixel centres, at the epoch of the images. */
  readonly x: number;
  readonly y: number;
  /** AB magnitude at 600 nm. */
  readonly mag: number;
  /** Of stars, K; 0 for galaxies. */
  readonly temperatureK: number;
  /** Of galaxies: slope of f_nu with ln wavelength, and the height of the break, mag. */
  readonly slope: number;
  readonly breakMag: number;
  readonly redshift: number;
  /** Sersic index; 0 for stars. */
  readonly n: number;
  /** Semi-major half-light radius, px; 0 for stars. */
  readonly radiusPx: number;
  /** Axis ratio minor/major; 1 for stars. */
  readonly q: number;
  /** Major axis, counter-clockwise from +x, rad. */
  readonly phi: number;
  /** Of stars, mas/yr; pm_ra is with cos(dec). */
  readonly pmRa: number;
  readonly pmDec: number;
}

/** Sources whose centre is so far outside the frame still shine into it, px. */
export const MARGIN = 40;

const STAR_TAG = 710;
const GALAXY_TAG = 720;
const SATURATED_TAG = 730;

/** log10 N(< mag) = log10(perPixel2) + slope (mag - faint). */
const STARS = { perPixel2: 2500 / 1536 ** 2, bright: 11, faint: 21, slope: 0.2 };
const GALAXIES = { perPixel2: 1300 / 1536 ** 2, bright: 15, faint: 21.5, slope: 0.42 };
/** One per so many pixels squared, and at least one. */
const SATURATED = { pixel2: 700 ** 2, bright: 7.8, faint: 9 };

/** All sources of a field of `size` x `size` px, brightest kinds first; their order is that of drawing. */
export function sceneSources(size: number, key: PhiloxKey): SceneSource[] {
  const side = size + 2 * MARGIN;
  const place = (random: PhiloxStream) => ({ x: random.between(-0.5 - MARGIN, size - 0.5 + MARGIN), y: random.between(-0.5 - MARGIN, size - 0.5 + MARGIN) }); // biome-ignore format: one thought
  const drawn = (count: number, tag: number, make: (random: PhiloxStream) => SceneSource): SceneSource[] =>
    Array.from({ length: count }, (_, item) => make(new PhiloxStream(key, [0, item, tag])));
  const number = (perPixel2: number) => Math.round(perPixel2 * side * side);
  // Saturated stars stand well inside, so that each is one.
  const inside = (random: PhiloxStream) => ({ x: size * random.between(0.15, 0.85), y: size * random.between(0.15, 0.85) });
  return [
    ...drawn(Math.max(1, Math.round((size * size) / SATURATED.pixel2)), SATURATED_TAG, (random) =>
      star(inside(random), random.between(SATURATED.bright, SATURATED.faint), random),
    ),
    ...drawn(number(STARS.perPixel2), STAR_TAG, (random) => star(place(random), magnitude(STARS, random), random)),
    ...drawn(number(GALAXIES.perPixel2), GALAXY_TAG, (random) => galaxy(place(random), magnitude(GALAXIES, random), random)),
  ];
}

function magnitude({ bright, faint, slope }: typeof STARS, random: PhiloxStream): number {
  return bright + Math.log10(1 + random.uniform() * (10 ** (slope * (faint - bright)) - 1)) / slope;
}

type Place = Pick<SceneSource, 'x' | 'y'>;

function star(at: Place, mag: number, random: PhiloxStream): SceneSource {
  const temperatureK = Math.min(12_000, Math.max(3000, (6200 - 180 * (mag - 12)) * Math.exp(0.22 * random.normal())));
  const speed = 6 * Math.exp(0.7 * random.normal());
  const direction = 2 * Math.PI * random.uniform();
  const own = { pmRa: speed * Math.cos(direction), pmDec: speed * Math.sin(direction) };
  return { type: 'STAR', ...at, mag, temperatureK, slope: 0, breakMag: 0, redshift: 0, n: 0, radiusPx: 0, q: 1, phi: 0, ...own };
}

function galaxy(at: Place, mag: number, random: PhiloxStream): SceneSource {
  const kind = random.uniform();
  const type = kind < 0.5 ? 'EXP' : kind < 0.75 ? 'DEV' : 'SERSIC';
  const n = type === 'EXP' ? 1 : type === 'DEV' ? 4 : Math.round(10 * (1 + 4 * random.uniform() ** 1.5)) / 10;
  const isRed = n > 2.2;
  const arcsec = 1.2 * 10 ** (-0.14 * (mag - 19) + 0.15 * random.normal());
  return {
    type,
    ...at,
    mag,
    temperatureK: 0,
    slope: (isRed ? 1.8 : 0.7) + 0.3 * random.normal(),
    breakMag: Math.max(0, (isRed ? 0.8 : 0.3) + 0.1 * random.normal()),
    redshift: random.between(0.02, 0.35),
    n,
    radiusPx: Math.min(6, Math.max(0.4, arcsec)) / PIXSCALE_ARCSEC,
    q: isRed ? random.between(0.5, 1) : random.between(0.25, 1),
    phi: Math.PI * random.uniform(),
    pmRa: 0,
    pmDec: 0,
  };
}

/** h c / k, nm K. */
const SECOND_RADIATION = 1.438776877e7;
const BREAK_NM = 400;

/** f_nu of a black body, in units of that at the reference wavelength. */
export function blackBody(wavelengthNm: number, temperatureK: number): number {
  const light = (nm: number) => nm ** -3 / Math.expm1(SECOND_RADIATION / (nm * temperatureK));
  return light(wavelengthNm) / light(REFERENCE_NM);
}

/** AB magnitude of a source at a wavelength: Planck's law of stars, a power law with a smooth break of galaxies. */
export function magnitudeAt(source: SceneSource, wavelengthNm: number): number {
  if (source.type === 'STAR') return source.mag - 2.5 * Math.log10(blackBody(wavelengthNm, source.temperatureK));
  const edge = BREAK_NM * (1 + source.redshift);
  const fall = (nm: number) => source.breakMag / (1 + Math.exp((nm - edge) / (0.02 * edge)));
  const slope = 2.5 * Math.LOG10E * source.slope;
  return source.mag - slope * Math.log(wavelengthNm / REFERENCE_NM) + fall(wavelengthNm) - fall(REFERENCE_NM);
}
