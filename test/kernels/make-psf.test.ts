import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { packPsfBank } from '../../kernels/make-psf/bank.ts';
import { cpu } from '../../kernels/make-psf/cpu.ts';
import { gaussLegendre, pixelQuadratureOrder } from '../../kernels/make-psf/quadrature.ts';
import { type MakePsfOptions, psfSide } from '../../kernels/make-psf/spec.ts';
import {
  modelFluxLost,
  type PsfDescription,
  type PsfParameters,
  psfColumns,
  psfParameters,
  truncationRadius,
} from '../../kernels/psf-struct.ts';
import { isArcletError } from '../../src/core/errors.ts';
import { agreementSuite } from '../support/agreement.ts';
import { readNpz } from '../support/npz.ts';
import { hasShared, shared } from '../support/shared.ts';

type Made = { psf: Float64Array; fluxLost: number };

function make(parameters: PsfParameters, options: Partial<MakePsfOptions> & { radius: number }, bank = packPsfBank([])): Made {
  const all = { bands: 1, oversample: 1, normalise: 'infinite' as const, bankSide: bank.side, ...options };
  const outputs = { psf: new Float64Array(psfSide(all) ** 2).fill(Number.NaN), fluxLost: new Float64Array([Number.NaN]) };
  cpu(all, { psf: psfColumns([parameters]), bank: bank.bank }, outputs, 1);
  return { psf: outputs.psf, fluxLost: outputs.fluxLost[0] };
}

function sum(values: ArrayLike<number>): number {
  return Array.from(values).reduce((total, value) => total + value, 0);
}

/** Largest difference over the largest expected value. */
function worstOfPeak(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(found.length).toBe(expected.length);
  let worst = 0;
  let peak = 0;
  for (let i = 0; i < expected.length; i++) {
    worst = Math.max(worst, Math.abs(found[i] - expected[i]));
    peak = Math.max(peak, Math.abs(expected[i]));
  }
  return worst / peak;
}

interface PsfCase {
  file: string;
  kind: 'moffat' | 'gaussian';
  fwhm_pix: number;
  beta: number | null;
  cx: number;
  cy: number;
  sum_integrated: number;
}

function casesOf<T>(rel: string): T[] {
  return hasShared ? (JSON.parse(readFileSync(shared(rel), 'utf8')).cases as T[]) : [];
}

describe.skipIf(!hasShared)('make-psf twin against other codes (needs ../shared)', () => {
  it.each(casesOf<PsfCase>('vectors/psf/cases.json'))('quadrature: $file $kind $fwhm_pix px', (psfCase) => {
    const expected = readNpz(shared(`vectors/psf/${psfCase.file}`));
    const { kind, fwhm_pix: fwhmArcsec, cx: dxPixels, cy: dyPixels } = psfCase;
    const shape = { fwhmArcsec, dxPixels, dyPixels };
    const description: PsfDescription =
      kind === 'gaussian'
        ? { model: kind, ...shape }
        : { model: kind, ...shape, beta: psfCase.beta as number, sizeSemantics: 'fwhm' };
    const at = (includesPixel: boolean): PsfParameters => ({
      ...psfParameters({ ...description, includesPixel }, 1),
      truncation: 20,
    });
    const integrated = make(at(false), { radius: 20 });
    expect(worstOfPeak(integrated.psf, expected.pixel_integrated_infnorm.data)).toBeLessThan(1e-6);
    expect(worstOfPeak(make(at(true), { radius: 20 }).psf, expected.point_sampled_infnorm.data)).toBeLessThan(1e-14);
    const normalised = make(at(true), { radius: 20, normalise: 'stamp' });
    expect(worstOfPeak(normalised.psf, expected.point_sampled_stampnorm.data)).toBeLessThan(1e-14);
    expect(Math.abs(integrated.fluxLost - (1 - psfCase.sum_integrated))).toBeLessThan(1e-14);
  });

  it('GalSim, drawn without pixel', () => {
    const stamps = readNpz(shared('vectors/galsim/stamps.npz'));
    casesOf<{ fwhm: number; beta: number }>('vectors/galsim/cases.json').forEach(({ fwhm, beta }, index) => {
      const parameters = psfParameters({ model: 'moffat', fwhmArcsec: fwhm, beta, sizeSemantics: 'fwhm' }, 0.262);
      const { psf } = make({ ...parameters, truncation: 32 }, { radius: 32 });
      expect(worstOfPeak(psf, stamps[`g0${index}_psf_nopixel`].data)).toBeLessThan(1e-8);
    });
  });

  it("Tractor's Lanczos-3 shifts of a stamp", () => {
    const models = readNpz(shared('vectors/tractor/models.npz'));
    const bank = packPsfBank([models.psf_stamp.data as Float32Array]);
    const shifts = JSON.parse(readFileSync(shared('vectors/tractor/models.json'), 'utf8')).lanczos_shifts as [number, number][];
    shifts.forEach(([dxPixels, dyPixels], index) => {
      const description = { model: 'pixelised', bankIndex: 0, bankSide: bank.side, stepPixels: 1, sampleSum: 1 } as const;
      const { psf } = make(psfParameters({ ...description, dxPixels, dyPixels }, 1), { radius: 15 }, bank);
      expect(worstOfPeak(psf, models[`lanczos3_shift_${index}`].data)).toBeLessThan(3e-7);
    });
  });
});

describe('make-psf twin', () => {
  const moffat = { model: 'moffat', fwhmArcsec: 1.2, beta: 3.5 } as const;

  it('takes psfsize as noise-equivalent area by default, as FWHM on demand', () => {
    expect(psfParameters(moffat, 0.262).fwhmArcsec / 1.2).toBeCloseTo(0.8113388020320782, 12);
    const fwhm = psfParameters({ ...moffat, sizeSemantics: 'fwhm' }, 0.262);
    expect(fwhm.fwhmArcsec).toBe(1.2);
    expect(fwhm.scale / fwhm.fwhmPixels).toBeCloseTo(1.068401302122012, 12);
  });

  it('keeps the sum of samples at oversample^2, and 1 - fluxLost of the plane', () => {
    for (const oversample of [1, 2, 3, 4]) {
      const parameters = psfParameters({ ...moffat, q: 0.8, phiRad: 0.4, dxPixels: 0.2, includesPixel: false }, 0.262);
      const { truncation } = parameters;
      const stamp = make(parameters, { radius: truncation + 3, oversample, normalise: 'stamp' });
      expect(sum(stamp.psf)).toBeCloseTo(oversample ** 2, 10);
      const infinite = make(parameters, { radius: truncation + 3, oversample });
      // At k > 1 pixels straddle the edge: what is cut off there differs at second order only.
      expect(sum(infinite.psf) / oversample ** 2).toBeCloseTo(1 - infinite.fluxLost, 5);
      expect(infinite.fluxLost).toBeCloseTo(modelFluxLost(parameters, truncation + 0.5 / oversample), 14);
    }
  });

  it('truncates where less than 5e-4 is lost and one pixel less would lose more', () => {
    for (const beta of [2.5, 3, 3.5, 4.765]) {
      const parameters = psfParameters({ ...moffat, beta, sizeSemantics: 'fwhm' }, 0.262);
      expect(modelFluxLost(parameters, parameters.truncation + 0.5)).toBeLessThan(5e-4);
      expect(modelFluxLost(parameters, parameters.truncation - 0.5)).toBeGreaterThan(5e-4);
      expect(truncationRadius(parameters, { radiusPixels: 9 })).toBe(9);
      const { psf, fluxLost } = make(parameters, { radius: parameters.truncation });
      expect(fluxLost).toBeLessThan(5e-4);
      expect(sum(psf)).toBeCloseTo(1 - fluxLost, 5);
      const padded = make(parameters, { radius: parameters.truncation + 5 });
      expect(sum(padded.psf)).toBeCloseTo(sum(psf), 14);
    }
  });

  it('reports the flux outside an elliptical, offset square to 1e-8 (2-D quadrature inside)', () => {
    const parameters = psfParameters({ ...moffat, beta: 2.5, q: 0.4, phiRad: 0.3, dxPixels: 0.4, dyPixels: -0.5 }, 0.262);
    const { nodes, weights } = gaussLegendre(120);
    const { q, cosPhi, sinPhi, dx, dy, scale, amplitude } = parameters;
    const half = 5.5;
    let inside = 0;
    nodes.forEach((ny, j) => {
      nodes.forEach((nx, i) => {
        const u = cosPhi * (half * nx - dx) + sinPhi * (half * ny - dy);
        const v = cosPhi * (half * ny - dy) - sinPhi * (half * nx - dx);
        inside += weights[i] * weights[j] * half * half * amplitude * (1 + (q * u * u + (v * v) / q) / scale ** 2) ** -2.5;
      });
    });
    expect(Math.abs(modelFluxLost(parameters, half) - (1 - inside))).toBeLessThan(1e-8);
  });

  it('integrates over pixels to 1e-6 of the peak down to 1.2 px FWHM, along any axis', () => {
    for (const [fwhm, beta, q] of [
      [1.2, 2.5, 1],
      [1.2, 1.5, 1],
      [1.7, 3.5, 0.5],
      [3, 4.5, 0.7],
      [6, 2, 1],
    ]) {
      const description = {
        model: 'moffat',
        fwhmArcsec: fwhm,
        beta,
        q,
        phiRad: 0.2,
        sizeSemantics: 'fwhm',
        includesPixel: false,
      } as const;
      const parameters = { ...psfParameters(description, 1), truncation: 6 };
      const precise = make({ ...parameters, order: 40 }, { radius: 6 });
      expect(worstOfPeak(make(parameters, { radius: 6 }).psf, precise.psf)).toBeLessThan(1e-6);
    }
    expect(pixelQuadratureOrder(4, Number.POSITIVE_INFINITY)).toBeLessThan(pixelQuadratureOrder(1.2, Number.POSITIVE_INFINITY));
  });

  it('gives the same round stamp from an octant as from every sample', () => {
    for (const beta of [2, 3.5, 4.765]) {
      const parameters = psfParameters({ ...moffat, beta, includesPixel: false }, 0.262);
      const nearly = make({ ...parameters, q: 1 - 1e-13 }, { radius: 14, oversample: 2 });
      expect(worstOfPeak(make(parameters, { radius: 14, oversample: 2 }).psf, nearly.psf)).toBeLessThan(1e-12);
    }
  });

  it('moves by its offset and stretches along its major axis', () => {
    const parameters = psfParameters({ ...moffat, q: 0.6, phiRad: 0.5, dxPixels: 0.4, dyPixels: -0.3 }, 0.262, {
      fluxLost: 1e-6,
    });
    const radius = parameters.truncation;
    const { psf } = make(parameters, { radius });
    const moments = { x: 0, y: 0, xx: 0, yy: 0, xy: 0, total: 0 };
    for (let y = -radius, at = 0; y <= radius; y++) {
      for (let x = -radius; x <= radius; x++, at++) {
        const weight = psf[at] ** 2;
        const [px, py] = [x - 0.4, y + 0.3];
        moments.total += weight;
        moments.x += weight * px;
        moments.y += weight * py;
        moments.xx += weight * px * px;
        moments.yy += weight * py * py;
        moments.xy += weight * px * py;
      }
    }
    expect(moments.x / moments.total).toBeCloseTo(0, 4);
    expect(moments.y / moments.total).toBeCloseTo(0, 4);
    expect(0.5 * Math.atan2(2 * moments.xy, moments.xx - moments.yy)).toBeCloseTo(0.5, 4);
  });

  it('none is the identity of convolution', () => {
    const { psf, fluxLost } = make(psfParameters({ model: 'none' }, 0.262), { radius: 2, oversample: 3 });
    expect(psf[6 * 13 + 6]).toBe(9);
    expect(sum(psf)).toBe(9);
    expect(fluxLost).toBe(0);
  });

  it('resamples an oversampled Gaussian stamp to the Gaussian itself, also integrated over pixels', () => {
    const sigma = 1.7;
    const step = 0.5;
    const side = 61;
    const stamp = Float64Array.from({ length: side * side }, (_, at) => {
      const x = ((at % side) - 30) * step;
      const y = (Math.floor(at / side) - 30) * step;
      return Math.exp(-(x * x + y * y) / (2 * sigma * sigma));
    });
    const small = new Float64Array(9).fill(1);
    const bank = packPsfBank([small, stamp]);
    for (const includesPixel of [true, false]) {
      const common = { dxPixels: 0.3, dyPixels: -0.2, includesPixel };
      const pixelised = { model: 'pixelised', bankIndex: 1, bankSide: side, stepPixels: step, sampleSum: bank.sums[1] } as const;
      const found = make(psfParameters({ ...pixelised, ...common }, 1, { radiusPixels: 8 }), { radius: 8, oversample: 2 }, bank);
      const gaussian = psfParameters({ model: 'gaussian', fwhmArcsec: sigma * 2.3548200450309493, ...common }, 1);
      const expected = make({ ...gaussian, truncation: 8 }, { radius: 8, oversample: 2 });
      // Lanczos-3 at 3.4 samples per sigma: interpolation error, not arithmetic.
      expect(worstOfPeak(found.psf, expected.psf)).toBeLessThan(2e-3);
      expect(found.fluxLost).toBe(0);
    }
  });

  it('names what is wrong with its input', () => {
    const errorOf = (work: () => unknown): unknown => {
      try {
        return work();
      } catch (error) {
        return error;
      }
    };
    for (const [bad, key] of [
      [{ beta: 1 }, 'beta'],
      [{ beta: Number.NaN }, 'beta'],
      [{ fwhmArcsec: 0 }, 'fwhmArcsec'],
      [{ fwhmArcsec: Number.NaN }, 'fwhmArcsec'],
      [{ q: 0 }, 'q'],
      [{ q: 1.1 }, 'q'],
      [{ phiRad: Number.POSITIVE_INFINITY }, 'phiRad'],
      [{ dxPixels: 3 }, 'dxPixels'],
    ] as const) {
      const error = errorOf(() => psfParameters({ ...moffat, ...bad }, 0.262));
      expect(isArcletError(error, 'INPUT_INVALID'), key).toBe(true);
      expect((error as { subject: string }).subject).toBe(`psf.${key}`);
    }
    const pixelised = { model: 'pixelised', bankIndex: 1, bankSide: 5, stepPixels: 1, sampleSum: 1 } as const;
    const outside = psfParameters(pixelised, 1);
    expect(
      isArcletError(
        errorOf(() => make(outside, { radius: 2 })),
        'BANK_EMPTY',
      ),
    ).toBe(true);
    const one = packPsfBank([new Float64Array(25).fill(1)]);
    expect(
      isArcletError(
        errorOf(() => make(outside, { radius: 2 }, one)),
        'BANK_EMPTY',
      ),
    ).toBe(true);
    expect(
      isArcletError(
        errorOf(() => psfParameters({ ...pixelised, stepPixels: 0.01 }, 1)),
        'INPUT_INVALID',
      ),
    ).toBe(true);
    expect(
      isArcletError(
        errorOf(() => packPsfBank([new Float64Array(16).fill(1)])),
        'INPUT_INVALID',
      ),
    ).toBe(true);
    expect(
      isArcletError(
        errorOf(() => packPsfBank([new Float64Array(9)])),
        'INPUT_INVALID',
      ),
    ).toBe(true);
  });
});

agreementSuite('make-psf', { count: 600, seed: 7 });
