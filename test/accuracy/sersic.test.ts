/** Unlensed Sersic stamps without a PSF against exact pixel integrals (quadtree and Gauss-Legendre, vectors/sersic). */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { drawOnCpu, plane, total, worstOfPeak } from '../support/draw.ts';
import { readNpz } from '../support/npz.ts';
import { hasShared, shared } from '../support/shared.ts';

interface SersicCase {
  file: string;
  n: number;
  re: number;
  q: number;
  phi: number;
  cx: number;
  cy: number;
}

const cases: SersicCase[] = hasShared ? JSON.parse(readFileSync(shared('vectors/sersic/cases.json'), 'utf8')).cases : [];

async function draw(sersic: SersicCase, oversample: 'auto' | number): Promise<ArrayLike<number>> {
  const source = {
    model: 'sersic' as const,
    n: sersic.n,
    r_eff_arcsec: sersic.re,
    q: sersic.q,
    phi_rad: sersic.phi,
    x_arcsec: sersic.cx,
    y_arcsec: sersic.cy,
    flux: { r: 1 },
  };
  const result = await drawOnCpu(
    { grid: { size: 41, pixscale_arcsec: 1 }, bands: ['r'], rows: [{ lens: null, source }] },
    { oversample },
  );
  expect(worstOfPeak(result.lensed.data, result.unlensed.data)).toBeLessThan(1e-3);
  return plane(result.lensed, 0, 0);
}

describe.skipIf(!hasShared)('Sersic pixels (needs ../shared/vectors/sersic)', () => {
  for (const sersic of cases) {
    const truth = (): ArrayLike<number> => readNpz(shared(`vectors/sersic/${sersic.file}`)).pixel_integrated.data;

    it(`n = ${sersic.n}, r_eff = ${sersic.re} px, automatic: 1e-3 of the peak, 5e-4 of the flux`, async () => {
      const drawn = await draw(sersic, 'auto');
      expect(worstOfPeak(drawn, truth())).toBeLessThan(1e-3);
      expect(Math.abs(total(drawn) / total(truth()) - 1)).toBeLessThan(5e-4);
    });

    if (sersic.n <= 2) {
      it(`n = ${sersic.n}, r_eff = ${sersic.re} px, finest: 1e-4 of the peak, 1e-5 of the flux`, async () => {
        const drawn = await draw(sersic, 32);
        expect(worstOfPeak(drawn, truth())).toBeLessThan(1e-4);
        expect(Math.abs(total(drawn) / total(truth()) - 1)).toBeLessThan(1e-5);
      });
    }
  }
});
