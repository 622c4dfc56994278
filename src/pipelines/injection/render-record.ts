/** What a render did, beside its pixels: engine, timings and the plan of every row, and what a person should be warned of. */
import type { EngineInfo } from '../../engine/face.ts';
import { writeFileAtomic } from '../../io/atomic.ts';
import type { RenderResult, RowPlan } from './result.ts';

/** PSF flux beyond the stamp, and estimated sampling error, that a user should hear of. */
const FLUX_LOST_LIMIT = 1e-3;
const FLUX_ERR_LIMIT = 1e-2;

/** Where the record of an output lies: `stamps.npz` has `stamps.npz.json` beside it. */
export function recordPath(out: string): string {
  return `${out}.json`;
}

/** Writes the record: version, engine, timings, and one plan per row. Throws OUTPUT_UNWRITABLE. */
export async function writeRecord(out: string, result: RenderResult, engine: EngineInfo, version: string): Promise<void> {
  const { backend, adapter, workers, reason } = engine;
  const rows = result.plan.map((plan, row) => ({ row, flux_err: result.fluxErr[row], ...plan }));
  const record = {
    arclet: version,
    written_utc: new Date().toISOString(),
    backend,
    adapter,
    workers,
    reason,
    timings: result.timings,
    rows,
  };
  await writeFileAtomic(recordPath(out), `${JSON.stringify(record, null, 1)}\n`);
}

/** One line per way of drawing that was used. */
export function planLines(plans: readonly RowPlan[]): string[] {
  const counts = new Map<string, number>();
  for (const { convolve_method: method, convolve_oversample: cells, psf_radius_px: radius } of plans) {
    const how = method === 'none' ? 'without a PSF' : `${method}, ${cells} cells a pixel, PSF radius ${radius} px`;
    counts.set(how, (counts.get(how) ?? 0) + 1);
  }
  return [...counts].map(([how, count]) => `${count} ${count === 1 ? 'row' : 'rows'} ${how}`);
}

/** Sentences on rows whose PSF does not fit its stamp or whose sampling is poor; empty when all is well. */
export function renderWarnings(result: RenderResult): string[] {
  const cut = result.plan.flatMap((plan, row) => {
    const lost = Math.max(0, ...(plan['psf_flux_lost'] as number[]));
    return lost >= FLUX_LOST_LIMIT ? [{ row, lost }] : [];
  });
  const poor = Array.from(result.fluxErr).flatMap((error, row) => (error >= FLUX_ERR_LIMIT ? [{ row, error }] : []));
  const warnings: string[] = [];
  if (cut.length > 0) {
    const worst = cut.reduce((a, b) => (b.lost > a.lost ? b : a));
    warnings.push(
      `${cut.length} rows have a PSF wider than the largest stamp: up to ${(100 * worst.lost).toPrecision(2)} % of its flux (row ${worst.row}) lies outside and was put back inside`,
    );
  }
  if (poor.length > 0) {
    const worst = poor.reduce((a, b) => (b.error > a.error ? b : a));
    warnings.push(
      `${poor.length} rows have an estimated flux error above 1 %, up to ${(100 * worst.error).toPrecision(2)} % (row ${worst.row}); try --oversample 8`,
    );
  }
  return warnings;
}
