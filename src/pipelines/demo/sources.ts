/**
 * The demo sky: stars, field galaxies and massive red galaxies that serve as hosts of lenses. Sources belong to cells of the sky and are
 * drawn by a generator keyed by the cell, so neighbouring bricks hold the same ones where they overlap. Magnitudes are AB.
 */
import { type PhiloxKey, PhiloxStream } from '../../core/rng.ts';
import type { Band } from './bands.ts';

const CELL_DEG = 0.05;
const DEG = Math.PI / 180;

export const KINDS = ['star', 'late', 'early', 'host'] as const;
export type Kind = (typeof KINDS)[number];

export interface Source {
  readonly kind: Kind;
  /** deg */
  readonly ra: number;
  readonly dec: number;
  /** AB magnitudes. */
  readonly mag: Readonly<Record<Band | 'w1', number>>;
  /** Sersic index, 1 or 4; 0 for stars. */
  readonly n: number;
  /** Semi-major half-light radius, arcsec; 0 for stars. */
  readonly reffArcsec: number;
  /** Axis ratio; 1 for stars. */
  readonly q: number;
  /** Position angle of the major axis, East of North, rad. */
  readonly paRad: number;
}

/** Differential counts that are a power law of flux: log10 N(< r) = log10(total) + slope (r - faint), for bright <= r <= faint. */
interface Counts {
  readonly perDeg2: number;
  readonly bright: number;
  readonly faint: number;
  readonly slope: number;
}

/** Galaxies: 2000 per square degree above r = 20, as deep fields count them, and the slope to which they flatten in the red. */
const GALAXIES: Counts = { perDeg2: 2000 * 10 ** (0.42 * 4), bright: 16.5, faint: 24, slope: 0.42 };
/** Stars at high galactic latitude: 630 per square degree above r = 16, 15 above r = 10. */
const BRIGHT_STARS: Counts = { perDeg2: 630, bright: 9.5, faint: 16, slope: 0.27 };
const FAINT_STARS: Counts = { perDeg2: 630 * (10 ** (0.13 * 8) - 1), bright: 16, faint: 24, slope: 0.13 };
const HOSTS: Omit<Counts, 'perDeg2'> = { bright: 17.5, faint: 20.5, slope: 0.35 };

/** A box on the sky, deg; ra1 < ra2, which may lie outside 0 .. 360. */
export interface SkyBox {
  readonly ra1: number;
  readonly ra2: number;
  readonly dec1: number;
  readonly dec2: number;
}

/**
 * All sources of the cells that a box touches.
 *
 * @param hostsPerDeg2 density of hosts
 */
export function sourcesIn(box: SkyBox, key: PhiloxKey, hostsPerDeg2: number): Source[] {
  const sources: Source[] = [];
  const lastRow = Math.floor((box.dec2 + 90) / CELL_DEG);
  for (let row = Math.floor((box.dec1 + 90) / CELL_DEG); row <= lastRow; row++) {
    const dec = (row + 0.5) * CELL_DEG - 90;
    const columns = Math.max(1, Math.round((360 / CELL_DEG) * Math.cos(dec * DEG)));
    const width = 360 / columns;
    const lastColumn = Math.min(Math.floor(box.ra2 / width), Math.floor(box.ra1 / width) + columns - 1);
    for (let column = Math.floor(box.ra1 / width); column <= lastColumn; column++) {
      cellSources(sources, row, ((column % columns) + columns) % columns, width, key, hostsPerDeg2);
    }
  }
  return sources;
}

function cellSources(sources: Source[], row: number, column: number, width: number, key: PhiloxKey, hostsPerDeg2: number): void {
  const dec0 = row * CELL_DEG - 90;
  const areaDeg2 = CELL_DEG * width * Math.cos((dec0 + CELL_DEG / 2) * DEG);
  const populations: readonly [Counts, (r: number, random: PhiloxStream) => Omit<Source, 'ra' | 'dec'>][] = [
    [BRIGHT_STARS, star],
    [FAINT_STARS, star],
    [GALAXIES, galaxy],
    [{ ...HOSTS, perDeg2: hostsPerDeg2 }, host],
  ];
  populations.forEach(([counts, make], tag) => {
    const random = new PhiloxStream(key, [row, column, tag]);
    const number = poisson(counts.perDeg2 * areaDeg2, random);
    for (let k = 0; k < number; k++) {
      const ra = (column + random.uniform()) * width;
      const dec = dec0 + CELL_DEG * random.uniform();
      sources.push({ ra, dec, ...make(magnitude(counts, random), random) });
    }
  });
}

/** Poisson number of mean < 700, by the product of uniforms (Knuth). */
function poisson(mean: number, random: PhiloxStream): number {
  const end = Math.exp(-mean);
  let number = -1;
  for (let product = 1; product > end; number++) product *= 1 - random.uniform();
  return number;
}

function magnitude({ bright, faint, slope }: Counts, random: PhiloxStream): number {
  return bright + Math.log10(1 + random.uniform() * (10 ** (slope * (faint - bright)) - 1)) / slope;
}

/** Magnitudes from r and colours. */
const colours = (r: number, gr: number, rz: number, zw1: number): Source['mag'] => ({
  g: r + gr,
  r,
  z: r - rz,
  w1: r - rz - zw1,
});

/** The stellar locus by one parameter, redder towards the faint end where dwarfs dominate. */
function star(r: number, random: PhiloxStream): Omit<Source, 'ra' | 'dec'> {
  const t = random.uniform() ** Math.max(0.5, Math.min(2.5, 5.8 - 0.22 * r));
  const mag = colours(r, 0.3 + 1.2 * t + 0.04 * random.normal(), 0.1 + 0.5 * t + 1.3 * t ** 4 + 0.04 * random.normal(), t - 1.6);
  return { kind: 'star', mag, n: 0, reffArcsec: 0, q: 1, paRad: 0 };
}

/** Late types are exponential discs, early ones de Vaucouleurs; sizes shrink by a third per two magnitudes. */
function galaxy(r: number, random: PhiloxStream): Omit<Source, 'ra' | 'dec'> {
  const isEarly = random.uniform() < 0.35 - 0.05 * Math.max(0, r - 20);
  const size = Math.min(8, (isEarly ? 0.8 : 1) * 10 ** (-0.14 * (r - 20) + 0.18 * random.normal()));
  // Galaxies that are red in one colour are so in the others.
  const [age, own, dust] = [random.normal(), random.normal(), random.normal()];
  const mag = isEarly
    ? colours(r, 1.2 + 0.18 * age, 0.7 + 0.12 * age + 0.06 * own, 0.6 + 0.3 * dust)
    : colours(r, 0.6 + 0.22 * age, 0.4 + 0.15 * age + 0.08 * own, 0.2 + 0.4 * dust);
  const q = isEarly ? random.between(0.5, 1) : random.between(0.2, 1);
  return { kind: isEarly ? 'early' : 'late', mag, n: isEarly ? 4 : 1, reffArcsec: size, q, paRad: Math.PI * random.uniform() };
}

/** Luminous red galaxies at z = 0.2 .. 0.7: redder the fainter, within the cuts r - z > 0.4, z - W1 > 0.8, z < 20.4 of lens searches. */
function host(r: number, random: PhiloxStream): Omit<Source, 'ra' | 'dec'> {
  const far = r - 17.5;
  const rz = Math.max(0.42, 0.55 + 0.14 * far + 0.07 * random.normal());
  const gr = Math.max(0.8, 1.05 + 0.17 * far + 0.08 * random.normal());
  const zw1 = Math.max(0.82, 0.9 + 0.2 * far + 0.12 * random.normal());
  const size = 2.2 * 10 ** (-0.14 * (r - 18) + 0.1 * random.normal());
  const q = random.between(0.55, 1);
  return { kind: 'host', mag: colours(r, gr, rz, zw1), n: 4, reffArcsec: size, q, paRad: Math.PI * random.uniform() };
}
