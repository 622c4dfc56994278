/**
 * Conventions that people disagree on, as typed choices with presets, and the conversions between them. A run records which it used.
 */

/**
 * Which length of the elliptical convergence contour theta_E names. With kappa = b / (2 sqrt(q^2 x^2 + y^2)) the contour kappa = 1/2 has
 * semi-axes b/q and b. `product`: geometric mean b/sqrt(q) (lenstronomy, caustics: pi theta_E^2 is the critical area). `minor`: b (DHS numpy SIE).
 * `major`: b/q. `square_mean`: b sqrt(2/(1+q^2)), the inverse root mean square of the inverse axes (gravlens; lenstronomy's doc).
 */
export const EINSTEIN_RADIUS_CONVENTIONS = ['product', 'minor', 'major', 'square_mean'] as const;
export type EinsteinRadiusConvention = (typeof EINSTEIN_RADIUS_CONVENTIONS)[number];

/** b of kappa = b/(2 sqrt(q^2 x^2 + y^2)) from an Einstein radius, same unit. */
export function isothermalScale(thetaE: number, q: number, convention: EinsteinRadiusConvention): number {
  return thetaE * scalePerThetaE(q, convention);
}

function scalePerThetaE(q: number, convention: EinsteinRadiusConvention): number {
  switch (convention) {
    case 'product':
      return Math.sqrt(q);
    case 'minor':
      return 1;
    case 'major':
      return q;
    case 'square_mean':
      return Math.sqrt((1 + q * q) / 2);
  }
}

/** The same lens's Einstein radius in another convention, same unit. */
export function convertEinsteinRadius(
  thetaE: number,
  q: number,
  from: EinsteinRadiusConvention,
  to: EinsteinRadiusConvention,
): number {
  return (thetaE * scalePerThetaE(q, from)) / scalePerThetaE(q, to);
}

/** `major`: semi-major axis of the half-light ellipse (GALFIT, DHS). `circularised`: sqrt(major x minor) (lenstronomy, GalSim before shear). */
export const HALF_LIGHT_CONVENTIONS = ['major', 'circularised'] as const;
export type HalfLightConvention = (typeof HALF_LIGHT_CONVENTIONS)[number];

/** Semi-major half-light radius, unit of `radius`, for axis ratio q. */
export function toMajorHalfLight(radius: number, q: number, from: HalfLightConvention): number {
  return from === 'major' ? radius : radius / Math.sqrt(q);
}

/** The same ellipse's half-light radius in another convention. */
export function convertHalfLight(radius: number, q: number, from: HalfLightConvention, to: HalfLightConvention): number {
  const major = toMajorHalfLight(radius, q, from);
  return to === 'major' ? major : major * Math.sqrt(q);
}

/** How b_n of a Sersic profile is computed; see profiles/sersic.ts. */
export const BN_CONVENTIONS = ['exact', 'ciotti_short', 'lenstronomy'] as const;
export type BnConvention = (typeof BN_CONVENTIONS)[number];

/**
 * What the size of a PSF means. `nea`: FWHM of the Gaussian with the same noise-equivalent area (Legacy Surveys psfsize maps). `fwhm`: the FWHM.
 * Conversions need the profile: profiles/moffat.ts, profiles/gaussian.ts.
 */
export const PSF_SIZE_CONVENTIONS = ['nea', 'fwhm'] as const;
export type PsfSizeConvention = (typeof PSF_SIZE_CONVENTIONS)[number];

/** `ccw_from_x`: from +x (columns) to +y. `east_of_north`: astronomical position angle on an image with North up and East left. */
export const POSITION_ANGLE_CONVENTIONS = ['ccw_from_x', 'east_of_north'] as const;
export type PositionAngleConvention = (typeof POSITION_ANGLE_CONVENTIONS)[number];

/** An axis direction in another convention, radians, folded into [0, pi) because an axis has no head. */
export function convertPositionAngle(angleRad: number, from: PositionAngleConvention, to: PositionAngleConvention): number {
  // North is +y and East is -x: both angles turn the same way, a quarter turn apart.
  const shift = from === to ? 0 : from === 'ccw_from_x' ? -Math.PI / 2 : Math.PI / 2;
  const folded = (angleRad + shift) % Math.PI;
  const positive = folded < 0 ? folded + Math.PI : folded;
  return positive >= Math.PI ? 0 : positive;
}

/** One choice for everything that a run's numbers depend on. Recorded with the run. */
export interface Conventions {
  readonly thetaE: EinsteinRadiusConvention;
  readonly halfLight: HalfLightConvention;
  readonly bn: BnConvention;
  readonly psfSize: PsfSizeConvention;
  readonly positionAngle: PositionAngleConvention;
  /** AB magnitude of one flux unit: 22.5 for nanomaggies. */
  readonly magnitudeZeroPoint: number;
}

/**
 * `arclet`: what the numbers say they are. `dhs`: as the public DarkHaloScope numpy pipeline computed (its psfsize fed as FWHM, minor-axis
 * theta_E); `dhs_gen5`: its template path, whose lenses lenstronomy drew. `lenstronomy` and `galsim`: what those packages' parameters mean; both leave the flux unit to the user, so ours stays.
 */
export const CONVENTION_PRESETS = {
  arclet: {
    thetaE: 'product',
    halfLight: 'major',
    bn: 'exact',
    psfSize: 'nea',
    positionAngle: 'ccw_from_x',
    magnitudeZeroPoint: 22.5,
  },
  dhs: {
    thetaE: 'minor',
    halfLight: 'major',
    bn: 'ciotti_short',
    psfSize: 'fwhm',
    positionAngle: 'ccw_from_x',
    magnitudeZeroPoint: 22.5,
  },
  dhs_gen5: {
    thetaE: 'product',
    halfLight: 'major',
    bn: 'ciotti_short',
    psfSize: 'fwhm',
    positionAngle: 'ccw_from_x',
    magnitudeZeroPoint: 22.5,
  },
  lenstronomy: {
    thetaE: 'product',
    halfLight: 'circularised',
    bn: 'lenstronomy',
    psfSize: 'fwhm',
    positionAngle: 'ccw_from_x',
    magnitudeZeroPoint: 22.5,
  },
  galsim: {
    thetaE: 'product',
    halfLight: 'circularised',
    bn: 'exact',
    psfSize: 'fwhm',
    positionAngle: 'ccw_from_x',
    magnitudeZeroPoint: 22.5,
  },
} as const satisfies Record<string, Conventions>;

export type ConventionPreset = keyof typeof CONVENTION_PRESETS;

/** A preset with single choices replaced. */
export function conventions(preset: ConventionPreset, choices: Partial<Conventions> = {}): Conventions {
  return { ...CONVENTION_PRESETS[preset], ...choices };
}
