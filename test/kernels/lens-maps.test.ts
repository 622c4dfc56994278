import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { cpu } from '../../kernels/lens-maps/cpu.ts';
import { type LensMapsOptions, MAGNIFICATION_CAP, magnification, spec } from '../../kernels/lens-maps/spec.ts';
import { lensAt, lensColumns, sampleLenses } from '../../kernels/lens-struct.ts';
import { LENS_KINDS, type LensDescription, lensParameters } from '../../src/sky/lensing/models.ts';
import { agreementSuite } from '../support/agreement.ts';
import { readNpz } from '../support/npz.ts';
import { hasShared, shared } from '../support/shared.ts';

// 600 lenses of every model, half of them over +-10 arcsec.
agreementSuite('lens-maps', { count: 600, seed: 7 });

function maps(lens: LensDescription, options: LensMapsOptions): Record<string, Float64Array> {
  const outputs = Object.fromEntries(
    Object.keys(spec.outputs).map((name) => [name, new Float64Array(options.size ** 2).fill(Number.NaN)]),
  );
  cpu(options, { lens: lensColumns([lensParameters(lens)]) }, outputs, 1);
  return outputs;
}

describe('lens-maps twin', () => {
  it.skipIf(!hasShared)('is the six lenstronomy fields, all arrays (needs ../shared)', () => {
    const { cases } = JSON.parse(readFileSync(shared('vectors/lens/cases.json'), 'utf8')) as {
      cases: (Record<string, number> & { file: string })[];
    };
    for (const c of cases) {
      const { gamma1, gamma2, cx, cy } = c;
      const arrays = readNpz(shared(`vectors/lens/${c.file}`));
      // Their grid is not centred on the origin: the lens moves instead.
      const last = c.npix ** 2 - 1;
      const xArcsec = cx - 0.5 * (arrays.x.data[0] + arrays.x.data[last]);
      const yArcsec = cy - 0.5 * (arrays.y.data[0] + arrays.y.data[last]);
      const lens = { model: 'sie', thetaEArcsec: c.theta_E, q: c.q, phiRad: c.phi, xArcsec, yArcsec, gamma1, gamma2 } as const;
      const found = maps(lens, { size: c.npix, pixscaleArcsec: c.pix });
      const worst = (name: string, theirs: string, shift = 0): number =>
        found[name].reduce((most, value, i) => Math.max(most, Math.abs(value + shift - arrays[theirs].data[i])), 0);
      // Their shear acts about the origin, ours about the lens: a constant deflection.
      expect(worst('alpha_x', 'analytic_alpha_x', gamma1 * cx + gamma2 * cy)).toBeLessThan(1e-8);
      expect(worst('alpha_y', 'analytic_alpha_y', gamma2 * cx - gamma1 * cy)).toBeLessThan(1e-8);
      for (const name of ['kappa', 'gamma1', 'gamma2']) expect(worst(name, `analytic_${name}`)).toBeLessThan(1e-6);
      const magnifications = magnification(found['inverse_magnification']);
      magnifications.forEach((value, i) => {
        expect(Math.abs(arrays['analytic_mu'].data[i] / value - 1)).toBeLessThan(1e-6);
      });
    }
  });

  it('puts pixel (x, y) at ((x - (size-1)/2) pixscale, ...) and adds sheet and shear', () => {
    const found = maps(
      { model: 'none', kappaExt: 0.2, gamma1: 0.05, gamma2: -0.02, xArcsec: 1 },
      { size: 4, pixscaleArcsec: 0.5 },
    );
    // Pixel x = 3, y = 0: theta = (0.75, -0.75), about the centre (-0.25, -0.75).
    expect(found['alpha_x'][3]).toBeCloseTo(0.25 * -0.25 - 0.02 * -0.75, 15);
    expect(found['alpha_y'][3]).toBeCloseTo(-0.02 * -0.25 + 0.15 * -0.75, 15);
    expect([found['kappa'][3], found['gamma1'][3], found['gamma2'][3]]).toEqual([0.2, 0.05, -0.02]);
    expect(found['inverse_magnification'][3]).toBeCloseTo(0.64 - 0.0029, 15);
  });

  it('magnification keeps its sign and is capped on critical curves', () => {
    expect([...magnification([0.5, -0.25, 1e-9, -1e-9, 0])]).toEqual([
      2,
      -4,
      MAGNIFICATION_CAP,
      -MAGNIFICATION_CAP,
      MAGNIFICATION_CAP,
    ]);
  });
});

describe('Lens struct', () => {
  it('columns and lenses are inverse; samples hold every model and the corner axis ratios, and repeat', () => {
    const lenses = sampleLenses(140, 3);
    const columns = lensColumns(lenses);
    lenses.forEach((lens, i) => {
      expect(lensAt(columns, i)).toEqual(lens);
    });
    expect(new Set(lenses.map(({ kind }) => kind)).size).toBe(LENS_KINDS.length);
    const ratios = new Set(lenses.map(({ q }) => q));
    for (const q of [1, 0.1, 0.9999]) expect(ratios).toContain(q);
    expect(sampleLenses(140, 3)).toEqual(lenses);
    expect(sampleLenses(140, 4)).not.toEqual(lenses);
  });
});
