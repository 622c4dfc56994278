/** Whole rows, from parameters to convolved stamps in the host's memory: what a training set or an injection run pays. */
import { PhiloxStream, philoxKey } from '../src/core/rng.ts';
import type { Engine } from '../src/engine/face.ts';
import { renderChain, renderInputs, renderLensed } from '../src/pipelines/injection/render.ts';
import { planKey, planRow, type RenderPlan } from '../src/pipelines/injection/render-plan.ts';
import { type PreparedRow, prepareRows } from '../src/pipelines/injection/render-rows.ts';
import { parseRows, type RowsFile } from '../src/pipelines/injection/rows.ts';

export interface RenderBenchRow {
  readonly label: string;
  readonly rows: number;
  readonly seconds: number;
  readonly rowsPerSecond: number;
  /** By the process's own CPU time, workers included. */
  readonly rowsPerCpuSecond: number;
}

const SEED = 3;
const BANDS = ['g', 'r', 'z'];

/** size x size x 3 stamps of Sersic sources behind SIE and shear with a Moffat PSF per band, spread as in the accuracy figures. */
export function benchRows(count: number, size = 64, fwhmArcsec: readonly [number, number] = [1, 1.6]): RowsFile {
  const random = new PhiloxStream(philoxKey(SEED));
  const perBand = <T>(make: () => T) => Object.fromEntries(BANDS.map((band) => [band, make()]));
  return parseRows({
    grid: { size, pixscale_arcsec: 0.262 },
    bands: BANDS,
    rows: Array.from({ length: count }, () => ({
      lens: {
        model: 'SIE',
        theta_e_arcsec: random.between(0.3, 2.5),
        q: random.between(0.5, 1),
        phi_rad: random.between(0, Math.PI),
        gamma1: random.between(-0.07, 0.07),
        gamma2: random.between(-0.07, 0.07),
      },
      source: {
        model: 'sersic',
        n: random.between(0.5, 4),
        r_eff_arcsec: random.between(0.06, 0.5),
        q: random.between(0.4, 1),
        phi_rad: random.between(0, Math.PI),
        x_arcsec: random.between(-0.4, 0.4),
        y_arcsec: random.between(-0.4, 0.4),
        flux: perBand(() => random.between(1, 10)),
      },
      psf: perBand(() => ({ model: 'moffat', fwhm_arcsec: random.between(...fwhmArcsec), size_semantics: 'fwhm' })),
    })),
  });
}

/** Whole rows per second: at full accuracy, with the native convolution grid, and with pixels left where they were made; best of three. */
export async function benchRender(engine: Engine, rows: number): Promise<RenderBenchRow[]> {
  const file = benchRows(rows);
  const resident = residentRuns(engine, file);
  return [
    await best('convolve-oversample auto', rows, () => renderLensed(engine, file)),
    await best('convolve-oversample 1', rows, () => renderLensed(engine, file, { convolveOversample: 1 })),
    await best('auto, pixels left on the device', rows, resident),
  ];
}

async function best(label: string, rows: number, work: () => Promise<unknown>): Promise<RenderBenchRow> {
  await work();
  let seconds = Number.POSITIVE_INFINITY;
  let cpuSeconds = Number.POSITIVE_INFINITY;
  for (let run = 0; run < 3; run++) {
    const cpu = process.cpuUsage();
    const begin = performance.now();
    await work();
    seconds = Math.min(seconds, (performance.now() - begin) / 1000);
    const used = process.cpuUsage(cpu);
    cpuSeconds = Math.min(cpuSeconds, (used.user + used.system) / 1e6);
  }
  return { label, rows, seconds, rowsPerSecond: rows / seconds, rowsPerCpuSecond: rows / cpuSeconds };
}

/** The chains of all plans with only the error estimate read back; rows are prepared once, outside the clock. */
function residentRuns(engine: Engine, file: RowsFile): () => Promise<void> {
  const prepared = prepareRows(file, undefined);
  const choices = { oversample: 'auto', convolveOversample: 'auto', method: 'auto' } as const;
  const groups = new Map<string, { plan: RenderPlan; rows: PreparedRow[] }>();
  for (const row of prepared.rows) {
    const plan = planRow(row, file.grid.size, file.grid.pixscaleArcsec, choices);
    const group = groups.get(planKey(plan)) ?? { plan, rows: [] };
    group.rows.push(row);
    groups.set(planKey(plan), group);
  }
  const runs = [...groups.values()].map(({ plan, rows }) => ({
    chain: { ...renderChain(plan, { template: prepared.bank.side, psf: prepared.psfBank.side }, false), keep: ['flux_err'] },
    inputs: renderInputs(plan, rows, prepared),
    count: rows.length,
  }));
  return async () => {
    await Promise.all(runs.map(({ chain, inputs, count }) => engine.run(chain, inputs, count)));
  };
}
