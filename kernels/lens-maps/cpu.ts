/**
 * lens-maps in float64.
 */
import type { Columns, CpuTwin, HostArray } from '../../src/engine/kernel.ts';
import { convergenceShear, makeDeflector } from '../../src/sky/lensing/models.ts';
import { lensAt } from '../lens-struct.ts';
import type { LensMapsOptions } from './spec.ts';

export const cpu: CpuTwin<LensMapsOptions> = (options, inputs, outputs, count) => {
  const { size, pixscaleArcsec } = options;
  const lenses = inputs.lens as Columns;
  const { alpha_x, alpha_y, kappa, gamma1, gamma2, inverse_magnification } = outputs as Record<string, HostArray>;
  const alpha = new Float64Array(2);
  const k = new Float64Array(3);
  const middle = (size - 1) / 2;
  for (let item = 0, at = 0; item < count; item++) {
    const lens = lensAt(lenses, item);
    const deflect = makeDeflector(lens);
    for (let row = 0; row < size; row++) {
      const y = (row - middle) * pixscaleArcsec;
      for (let column = 0; column < size; column++, at++) {
        const x = (column - middle) * pixscaleArcsec;
        deflect(x, y, alpha);
        convergenceShear(lens, x, y, k);
        alpha_x[at] = alpha[0];
        alpha_y[at] = alpha[1];
        kappa[at] = k[0];
        gamma1[at] = k[1];
        gamma2[at] = k[2];
        inverse_magnification[at] = (1 - k[0]) ** 2 - k[1] ** 2 - k[2] ** 2;
      }
    }
  }
};
