/** What the gate said, in words of meta.json. */
import type { Estimate } from '../../../sky/epsf/index.ts';
import type { GateReport } from './cell-types.ts';

/** The gate of one PSF; `held_out` says whether its judges had no part in making it. */
export function gateFacts({ acceptance, heldOut }: GateReport): Record<string, unknown> {
  if (acceptance === undefined) return { verdict: 'none', held_out: heldOut };
  const worst = [...acceptance.growthDifference].reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0);
  const pair = (name: string, { value, error }: Estimate) => ({ [name]: value, [`${name}_error`]: error });
  const { stray } = acceptance;
  return {
    verdict: acceptance.verdict,
    held_out: heldOut,
    reasons: acceptance.reasons,
    nstars: acceptance.starsUsed,
    flux_bias: acceptance.fluxBias,
    flux_bias_error: acceptance.fluxBiasError,
    ...pair('width_difference', acceptance.width),
    ...pair('wings_difference', acceptance.wings),
    e1_difference: acceptance.e1.value,
    e2_difference: acceptance.e2.value,
    e_difference_error: Math.max(acceptance.e1.error, acceptance.e2.error),
    ...pair('aperture_difference', acceptance.aperture),
    core_chi2: acceptance.coreChi2,
    growth_difference_max: worst,
    ...pair('stray_light', stray),
    stray_light_dx_pix: stray.dx,
    stray_light_dy_pix: stray.dy,
    centroid_x_pix: acceptance.centroidX,
    centroid_y_pix: acceptance.centroidY,
    centroid_error_pix: acceptance.centroidError,
    own_centroid_offset_pix: acceptance.ownOffset,
    fwhm_pix: acceptance.fwhm,
  };
}
