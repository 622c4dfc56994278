/** Numbers of a PSF and of what it leaves of stars, as meta.json has them, and their pictures. */
import {
  type Epsf,
  type FittedStar,
  type GrowthQuality,
  growthQuality,
  type ResidualQuality,
  residualQuality,
  sampleEpsf,
} from '../../../sky/epsf/index.ts';
import type { EpsfSettings, GateReport } from './cell-types.ts';
import type { PsfFigures } from './figures.ts';

/** A PSF and stars that were fitted with it. */
export interface QualityInput {
  readonly epsf: Epsf;
  readonly stamp: Float32Array;
  readonly fitted: readonly FittedStar[];
  readonly gate: GateReport;
  /** Under the picture of the PSF. */
  readonly note: string;
}

/** Draws epsf.png, epsf_growth_curve.png and epsf_residual_diagnostics.png and returns epsf_shape, epsf_qa, growth_curve and residual_qa. */
export async function cellQuality(
  { epsf, stamp, fitted, gate, note }: QualityInput,
  settings: EpsfSettings,
  figures: PsfFigures,
): Promise<Record<string, unknown>> {
  const shown = fitted.slice(0, settings.residualDiagMaxStars);
  const growth = growthQuality(stamp, settings.finalPsfSize);
  const residuals = shown.length === 0 ? undefined : residualQuality(epsf, shown);
  await figures.epsf(stamp, note);
  await figures.growth(growth, gate);
  if (residuals !== undefined) await figures.residuals(residuals, pullsOf(epsf, shown));
  return qualityFacts(growth, residuals, settings);
}

function qualityFacts(
  growth: GrowthQuality,
  residuals: ResidualQuality | undefined,
  { finalPsfSize, saveGrowthCurve }: EpsfSettings,
): Record<string, unknown> {
  return {
    epsf_shape: [finalPsfSize, finalPsfSize],
    epsf_qa: { ...growth, growth: undefined },
    ...(saveGrowthCurve ? { growth_curve: [...growth.growth] } : {}),
    ...(residuals === undefined ? {} : { residual_qa: { ...residuals, data: undefined, model: undefined, residual: undefined } }),
  };
}

/** Residuals over their errors, all good pixels of all stars. */
function pullsOf(epsf: Epsf, stars: readonly FittedStar[]): number[] {
  return stars.flatMap(({ cutout, x, y, flux, background }) => {
    const model = sampleEpsf(epsf, x, y, cutout.size);
    const pulls: number[] = [];
    for (let k = 0; k < model.length; k++) {
      if (cutout.weight[k] > 0 && Number.isFinite(cutout.data[k]))
        pulls.push((cutout.data[k] - background - flux * model[k]) * Math.sqrt(cutout.weight[k]));
    }
    return pulls;
  });
}
