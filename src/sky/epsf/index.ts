/**
 * Effective PSFs: built from stars, tested on other stars, interpolated over a frame, drawn at any place.
 *
 *   const { epsf } = buildEpsf(stars);
 *   const { verdict, reasons } = acceptEpsf(epsf, otherStars);
 *   const image = sampleEpsf(epsf, 31.3, 30.8, 61);
 */
export { ACCEPT_LIMITS, type Acceptance, type AcceptLimits, acceptEpsf, type Verdict } from './accept.ts';
export { buildEpsf, defaultOversampling, type EpsfBuild, type EpsfBuildOptions, type StarResult } from './build.ts';
export { type ClassicBuild, type ClassicOptions, type ClassicStar, classicEpsf } from './classic.ts';
export { type Epsf, epsfStamp, regridEpsf, sampleEpsf } from './epsf.ts';
export { type Estimate, solveModes } from './gate-modes.ts';
export { fitCutouts } from './gate-stars.ts';
export {
  type AlignedCells,
  alignCells,
  type CellShare,
  type EpsfCells,
  interpolateEpsf,
  type PlacedEpsf,
} from './interpolate.ts';
export {
  epsfFwhm,
  type FittedStar,
  type GrowthQuality,
  growthQuality,
  type ResidualQuality,
  residualQuality,
} from './quality.ts';
export { splineCoefficients, splineSamples } from './spline.ts';
export { areaWidth, type StarCutout } from './stars.ts';
export type { Template } from './template.ts';
