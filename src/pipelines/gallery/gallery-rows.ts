/** The rows of the gallery: what a lens does to a source, lens models side by side, sources side by side, and random draws. */
import { PhiloxStream, philoxKey } from '../../core/rng.ts';
import { type CausticCurves, causticCurves } from '../../sky/lensing/caustics.ts';
import { type LensDescription, lensParameters } from '../../sky/lensing/models.ts';
import type { RowsInput } from '../injection/rows.ts';
import { TEMPLATE } from './templates.ts';

export const BANDS = ['g', 'r', 'z'] as const;
const SIZE = 128;
const PIXSCALE_ARCSEC = 0.062;
const SEED = 2026;
/** As in a ground-based survey in the best seeing, a little sharper in the red. */
const FWHM_ARCSEC = { g: 0.34, r: 0.31, z: 0.28 };

type RowInput = RowsInput['rows'][number];
type LensInput = NonNullable<RowInput['lens']>;
type SourceInput = Extract<RowInput['source'], readonly unknown[]>[number];
type Place = readonly [x: number, y: number];

export interface GalleryEntry {
  readonly title: string;
  readonly lens: LensInput;
  readonly sources: SourceInput[];
}

export interface GalleryGroup {
  readonly title: string;
  readonly text: string;
  readonly entries: readonly GalleryEntry[];
}

const BLUE = { g: 1.3, r: 1, z: 0.58 };
const RED = { g: 0.3, r: 0.75, z: 1.25 };
const PINK = { g: 0.95, r: 0.7, z: 1.05 };

function scaled(flux: Record<(typeof BANDS)[number], number>, factor: number): Record<string, number> {
  return Object.fromEntries(BANDS.map((band) => [band, flux[band] * factor]));
}

interface Shape {
  n?: number;
  reff?: number;
  q?: number;
  phi?: number;
}

function sersic(
  [x, y]: Place,
  flux: Record<string, number>,
  { n = 1, reff = 0.18, q = 0.75, phi = 0.6 }: Shape = {},
): SourceInput {
  return { model: 'sersic', n, r_eff_arcsec: reff, q, phi_rad: phi, x_arcsec: x, y_arcsec: y, flux };
}

/** A blue disk with a red bulge. */
function galaxy(place: Place, shape: Shape = {}): SourceInput[] {
  const { reff = 0.2 } = shape;
  return [
    sersic(place, scaled(BLUE, 3), { ...shape, reff }),
    sersic(place, scaled(RED, 0.7), { n: 3, reff: 0.3 * reff, q: 0.9 }),
  ];
}

function spiralGalaxy([x, y]: Place, pixscale: number, phi: number): SourceInput[] {
  const common = { model: 'template', pixscale_arcsec: pixscale, phi_rad: phi, x_arcsec: x, y_arcsec: y } as const;
  return [
    { ...common, template: TEMPLATE.spiral, flux: scaled(BLUE, 3) },
    { ...common, template: TEMPLATE.knots, flux: scaled(PINK, 0.9) },
    sersic([x, y], scaled(RED, 0.6), { n: 2, reff: 0.06, q: 0.95 }),
  ];
}

function describe(lens: LensInput): LensDescription {
  const plain = Object.fromEntries(
    Object.entries(lens).map(([key, value]) => [key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()), value]),
  );
  return { ...plain, model: lens.model.toLowerCase() as Lowercase<LensInput['model']> };
}

function curvesOf(lens: LensInput): CausticCurves {
  return causticCurves(lensParameters(describe(lens)));
}

/** The vertex of the caustic farthest from (a cusp) or nearest to (a fold) its centre, brought in or out by `scale`. */
function onCaustic(lens: LensInput, which: 'cusp' | 'fold', scale: number): Place {
  const { caustic } = curvesOf(lens);
  if (caustic === null) return [0, 0];
  const better = which === 'cusp' ? (a: number, b: number) => a > b : (a: number, b: number) => a < b;
  let best = 0;
  for (let k = 1; k < caustic.x.length; k++) {
    if (better(Math.hypot(caustic.x[k], caustic.y[k]), Math.hypot(caustic.x[best], caustic.y[best]))) best = k;
  }
  return [scale * caustic.x[best], scale * caustic.y[best]];
}

const SIE = { model: 'SIE', theta_e_arcsec: 2, q: 0.62, phi_rad: 0.5 } as const;
const NAKED: LensInput = { model: 'SIE', theta_e_arcsec: 1.4, q: 0.3, phi_rad: 0.5, gamma1: -0.06, gamma2: -0.09 };

function configurations(): GalleryEntry[] {
  const at = (title: string, lens: LensInput, place: Place, shape: Shape = { reff: 0.14 }): GalleryEntry => ({
    title,
    lens,
    sources: galaxy(place, shape),
  });
  return [
    at('Einstein cross', SIE, [0, 0], { reff: 0.09 }),
    at('Fold', SIE, onCaustic(SIE, 'fold', 0.9)),
    at('Cusp', SIE, onCaustic(SIE, 'cusp', 0.88)),
    at('Double', SIE, [0.75, 0.62]),
    at('Einstein ring', { ...SIE, q: 0.97 }, [0.01, 0.01], { reff: 0.22 }),
    at('Naked cusp', NAKED, onCaustic(NAKED, 'cusp', 0.9), { reff: 0.12 }),
  ];
}

function models(): GalleryEntry[] {
  const common = { q: 0.72, phi_rad: 0.9, gamma1: 0.04, gamma2: -0.03 };
  const place: Place = [0.16, 0.1];
  const lenses: [string, LensInput][] = [
    ['Singular isothermal sphere', { model: 'SIS', theta_e_arcsec: 2, gamma1: 0.04, gamma2: -0.03 }],
    ['Cored isothermal ellipsoid', { model: 'NIE', theta_e_arcsec: 2.2, core_arcsec: 0.45, ...common }],
    ['Power law, shallow', { model: 'EPL', theta_e_arcsec: 2, gamma: 1.6, ...common }],
    ['Power law, steep', { model: 'EPL', theta_e_arcsec: 2, gamma: 2.35, ...common }],
    ['Point mass', { model: 'POINT', theta_e_arcsec: 2, gamma1: 0.04, gamma2: -0.03 }],
    ['NFW halo', { model: 'NFW', rs_arcsec: 10, kappa_s: 0.305, gamma1: 0.04, gamma2: -0.03 }],
  ];
  return lenses.map(([title, lens]) => ({ title, lens, sources: galaxy(place, { reff: 0.2 }) }));
}

function sources(): GalleryEntry[] {
  const lens = { model: 'SIE', theta_e_arcsec: 2.1, q: 0.74, phi_rad: 2.2, gamma1: 0.03, gamma2: 0.02 } as const;
  const clumps: SourceInput[] = [
    [0.05, 0.12, 0.05],
    [-0.1, 0.02, 0.04],
    [0.16, -0.06, 0.045],
    [-0.02, -0.14, 0.035],
    [0.24, 0.1, 0.03],
  ].map(([x, y, reff], index) => sersic([x + 0.1, y], scaled(index % 2 === 0 ? BLUE : PINK, 0.7), { n: 0.8, reff, q: 0.8 }));
  return [
    { title: 'Grand-design spiral, four images', lens, sources: spiralGalaxy([0.06, -0.04], 0.018, 0.4) },
    { title: 'Spiral as a ring', lens: { ...lens, q: 0.93 }, sources: spiralGalaxy([0.03, 0.05], 0.024, 1.9) },
    {
      title: 'Barred spiral, two images',
      lens,
      sources: [
        {
          model: 'template',
          template: TEMPLATE.barred,
          pixscale_arcsec: 0.02,
          phi_rad: 0.8,
          x_arcsec: 0.7,
          y_arcsec: -0.5,
          flux: scaled(BLUE, 4),
        },
        sersic([0.7, -0.5], scaled(RED, 0.9), { n: 1.5, reff: 0.07, q: 0.9 }),
      ],
    },
    { title: 'Clumpy galaxy', lens, sources: clumps },
    { title: 'Edge-on disk', lens, sources: [sersic([0.1, 0.15], scaled(PINK, 3), { reff: 0.34, q: 0.16, phi: 2.6 })] },
    {
      title: 'A pair of galaxies',
      lens,
      sources: [...galaxy([0.12, 0.18], { reff: 0.13 }), sersic([-0.35, -0.32], scaled(RED, 2.4), { n: 4, reff: 0.16, q: 0.85 })],
    },
  ];
}

/** Lenses and sources as a survey might find them; equal for ever by the seed. */
function draws(): GalleryEntry[] {
  const random = new PhiloxStream(philoxKey(SEED));
  const between = (low: number, high: number) => Number(random.between(low, high).toFixed(4));
  return Array.from({ length: 6 }, (_, index) => {
    const lens: LensInput = {
      model: 'EPL',
      theta_e_arcsec: between(1.3, 2.5),
      q: between(0.55, 0.95),
      phi_rad: between(0, Math.PI),
      gamma: between(1.8, 2.25),
      gamma1: between(-0.06, 0.06),
      gamma2: between(-0.06, 0.06),
    };
    const distance = between(0.05, 0.6);
    const angle = between(0, 2 * Math.PI);
    const place: Place = [Number((distance * Math.cos(angle)).toFixed(4)), Number((distance * Math.sin(angle)).toFixed(4))];
    const shape = { n: between(0.7, 1.8), reff: between(0.1, 0.28), q: between(0.4, 0.95), phi: between(0, Math.PI) };
    return { title: `Draw ${index + 1}`, lens, sources: galaxy(place, shape) };
  });
}

/** The gallery in reading order. */
export function galleryGroups(): GalleryGroup[] {
  return [
    {
      title: 'One lens, one source, six places',
      text: 'A singular isothermal ellipsoid. Crossing the tangential caustic adds two images, crossing the cut adds one.',
      entries: configurations(),
    },
    {
      title: 'One source, six lenses',
      text: 'The same galaxy at the same place behind every lens model that arclet knows, with external shear.',
      entries: models(),
    },
    {
      title: 'Sources',
      text: 'Sersic components and template pictures, several per row; every band shares the ray tracing.',
      entries: sources(),
    },
    {
      title: 'Random draws',
      text: `Elliptical power laws with shear in front of disk galaxies, drawn with seed ${SEED}.`,
      entries: draws(),
    },
  ];
}

/** The rows file of the gallery. `bank` is the path that it names. */
export function galleryRows(groups: readonly GalleryGroup[], bank: string): RowsInput {
  const psf = Object.fromEntries(
    BANDS.map((band) => [band, { model: 'moffat', fwhm_arcsec: FWHM_ARCSEC[band], size_semantics: 'fwhm' } as const]),
  );
  return {
    grid: { size: SIZE, pixscale_arcsec: PIXSCALE_ARCSEC },
    bands: [...BANDS],
    bank,
    rows: groups.flatMap(({ entries }) => entries.map(({ lens, sources }) => ({ lens, source: sources, psf }))),
  };
}
