/**
 * lens-maps: deflection, convergence, shear and inverse magnification of a lens on a pixel grid.
 */
import type { KernelSpec, SampleCase } from '../../src/engine/kernel.ts';
import type { LensParameters } from '../../src/sky/lensing/models.ts';
import { LENS_LAYOUT, lensColumns, sampleLenses } from '../lens-struct.ts';

export interface LensMapsOptions {
  /** Pixels per side. */
  readonly size: number;
  /** Arcsec per pixel; pixel (x, y) is at ((x - (size-1)/2) pixscale, (y - (size-1)/2) pixscale). */
  readonly pixscaleArcsec: number;
}

const map = (unit: string, doc: string) => ({
  kind: 'float' as const,
  perItem: true,
  shape: (options: LensMapsOptions) => [options.size, options.size],
  unit,
  doc: `${doc} [y, x]`,
});

const DEFLECTION_TOLERANCE = {
  kind: 'absolute',
  value: 1e-5,
  why: 'float32 of deflections up to 10 arcsec is 5e-7; the EPL series at q = 0.1 and the 1/r of a point mass near its centre lose a digit',
} as const;

const DERIVATIVE_TOLERANCE = {
  kind: 'of-peak',
  value: 5e-6,
  why: 'a few float32 steps of the largest terms (measured 1.8e-6); kappa and gamma pass through 0 where lens and external terms cancel',
} as const;

export const spec: KernelSpec<LensMapsOptions> = {
  slug: 'lens-maps',
  title: 'deflection, convergence, shear and inverse magnification maps of a lens',
  inputs: {
    lens: {
      kind: { struct: LENS_LAYOUT },
      perItem: true,
      shape: () => [1],
      unit: 'arcsec',
      doc: 'the lens, from lensParameters',
    },
  },
  outputs: {
    alpha_x: map('arcsec', 'total deflection along x: lens, external shear and convergence'),
    alpha_y: map('arcsec', 'total deflection along y'),
    kappa: map('1', 'convergence, external included'),
    gamma1: map('1', 'shear along x, external included'),
    gamma2: map('1', 'shear along the diagonal, external included'),
    inverse_magnification: map('1', 'det(d beta / d theta); the magnification itself has poles, see magnification()'),
  },
  tolerances: {
    alpha_x: DEFLECTION_TOLERANCE,
    alpha_y: DEFLECTION_TOLERANCE,
    kappa: DERIVATIVE_TOLERANCE,
    gamma1: DERIVATIVE_TOLERANCE,
    gamma2: DERIVATIVE_TOLERANCE,
    inverse_magnification: {
      kind: 'of-peak',
      value: 2e-5,
      why: '(1 - kappa)^2 - gamma^2 cancels near the centre of isothermal lenses, where both are largest (measured 5e-6)',
    },
  },
  sample,
  // A deflection and a Hessian of an isothermal ellipse with rotations: counted in the shader, arc tangent 15, logarithm 15, root 4.
  cost: (options, count) => {
    const pixels = count * options.size ** 2;
    return { flops: 170 * pixels, bytes: 24 * pixels + LENS_LAYOUT.byteSize * count };
  },
};

const GRIDS: readonly LensMapsOptions[] = [
  { size: 24, pixscaleArcsec: 0.25 },
  { size: 41, pixscaleArcsec: 0.5 },
];

/** Every model over +-3 and +-10 arcsec. */
function sample(count: number, seed: number): SampleCase<LensMapsOptions>[] {
  const small = Math.ceil(count / 2);
  return GRIDS.flatMap((options, index) => {
    const items = index === 0 ? small : count - small;
    if (items === 0) return [];
    const lenses = sampleLenses(items, seed + index).map(betweenPixels);
    const label = `${options.size} px of ${options.pixscaleArcsec} arcsec`;
    return [{ label, options, count: items, inputs: { lens: lensColumns(lenses) } }];
  });
}

/**
 * Moves the centre to an odd multiple of 1/16 arcsec, at least 0.088 arcsec from every pixel of the grids above: at the singular centre itself
 * float32 holds no more than the direction of the ray, and an absolute tolerance says nothing.
 */
function betweenPixels(lens: LensParameters): LensParameters {
  const snap = (value: number): number => (2 * Math.floor(8 * value) + 1) / 16;
  return { ...lens, x: snap(lens.x), y: snap(lens.y) };
}

/** Largest magnification that {@link magnification} gives; float32 maps of 1/mu are good to about 1e-6. */
export const MAGNIFICATION_CAP = 1e6;

/** Signed magnification from its inverse, pixel by pixel, held within +-1e6: on a critical curve it has no finite value. */
export function magnification(inverse: ArrayLike<number>): Float64Array {
  return Float64Array.from(inverse, (value) => {
    const capped = Math.min(MAGNIFICATION_CAP, 1 / Math.abs(value));
    return value < 0 ? -capped : capped;
  });
}
