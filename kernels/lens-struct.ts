/**
 * The `Lens` struct that every kernel with a deflector takes, and its way to and from `LensParameters`.
 */
import { PhiloxStream, philoxKey } from '../src/core/rng.ts';
import type { Columns } from '../src/engine/kernel.ts';
import { struct } from '../src/gpu/layout.ts';
import { LENS_KINDS, type LensDescription, type LensParameters, lensParameters } from '../src/sky/lensing/models.ts';

/** Lengths arcsec. One field per field of {@link LensParameters}, same names; shaders/lib/lens/deflection.wgsl reads them. */
export const LENS_LAYOUT = struct('Lens', {
  kind: 'u32',
  eplTerms: 'u32',
  x: 'f32',
  y: 'f32',
  cosPhi: 'f32',
  sinPhi: 'f32',
  q: 'f32',
  b: 'f32',
  f: 'f32',
  core: 'f32',
  slope: 'f32',
  rs: 'f32',
  kappaS: 'f32',
  gamma1: 'f32',
  gamma2: 'f32',
  kappaExt: 'f32',
});

/** One float64 column per field of {@link LENS_LAYOUT}, item by item. */
export function lensColumns(lenses: readonly LensParameters[]): Columns {
  const columns: Columns = {};
  for (const { name } of LENS_LAYOUT.fields)
    columns[name] = Float64Array.from(lenses, (lens) => lens[name as keyof LensParameters]);
  return columns;
}

/** The lens of item `index`: the inverse of {@link lensColumns}. */
export function lensAt(columns: Columns, index: number): LensParameters {
  return Object.fromEntries(LENS_LAYOUT.fields.map(({ name }) => [name, columns[name][index]])) as unknown as LensParameters;
}

/** Axis ratios that break careless formulas come first, then a uniform draw. */
function sampleAxisRatio(index: number, u: number): number {
  const corner = Math.floor(index / LENS_KINDS.length) % 6;
  if (corner === 0) return 1;
  if (corner === 1) return 0.1;
  if (corner === 2) return 0.9999;
  return 0.15 + 0.85 * u;
}

/**
 * Random valid lenses within 0.2 arcsec of the origin: models in turn, axis ratios incl. 1, 0.9999 and 0.1, two of three sheared, half under a
 * sheet, all conventions. Positions are multiples of 2^-10 arcsec, exact in f32: what remains between backends is arithmetic, not the rounding of
 * the input, which the singular centre would magnify.
 */
export function sampleLenses(count: number, seed: number): LensParameters[] {
  const stream = new PhiloxStream(philoxKey(seed));
  const next = (): number => stream.uniform();
  const signed = (): number => 2 * next() - 1;
  const lenses: LensParameters[] = [];
  for (let index = 0; index < count; index++) {
    const model = LENS_KINDS[index % LENS_KINDS.length];
    const sheared = next() < 2 / 3;
    const sheet = next() < 0.5;
    const description: LensDescription = {
      model,
      thetaEArcsec: 0.3 + 2.2 * next(),
      thetaEConvention: (['product', 'minor', 'major', 'square_mean'] as const)[Math.floor(4 * next())],
      q: sampleAxisRatio(index, next()),
      phiRad: 2 * Math.PI * next(),
      xArcsec: Math.round(0.2 * signed() * 1024) / 1024,
      yArcsec: Math.round(0.2 * signed() * 1024) / 1024,
      gamma: 1.6 + 0.8 * next(),
      coreArcsec: 0.02 + 0.3 * next(),
      rsArcsec: 0.5 + 6 * next(),
      kappaS: 0.02 + 0.4 * next(),
      gamma1: sheared ? 0.1 * signed() : 0,
      gamma2: sheared ? 0.1 * signed() : 0,
      kappaExt: sheet ? 0.1 * signed() : 0,
    };
    lenses.push(lensParameters(description));
  }
  return lenses;
}
