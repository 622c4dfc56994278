/** Stage `report`: one page that shows a campaign: stamps, distributions, checks, completeness, where the time went. */

import { openStore } from '../../io/store/store.ts';
import type { RunPage, RunSection } from '../../report/run-page.ts';
import { runPage } from '../../report/run-page.ts';
import { openDataset } from '../dataset.ts';
import { defineStage, type StageContext, type StageResult } from '../stage.ts';
import { expectedOf } from './check/context.ts';
import type { InjectConfig } from './config.ts';
import { experimentsOf } from './experiments.ts';
import { recipeOf } from './inject/recipe.ts';
import { datasetFolder, joinLocation, type LayoutConfig, phaseFolder } from './layout.ts';
import { requireKeys } from './load-config.ts';
import { chartColumns, distributionCharts } from './report/distributions.ts';
import { checkSection, completenessSection, recordSection, timeSection, verdictOf } from './report/records.ts';
import { sampleRows } from './report/sample.ts';
import { chooseRows, stampFigures } from './report/stamp-figures.ts';

/** Rows that the charts are drawn from, and rows that are shown. */
const SAMPLE_ROWS = 20_000;
const ROWS_SHOWN = 12;

export const reportStage = defineStage<InjectConfig>({
  name: 'report',
  aliases: [],
  summary: 'one page of the campaign: stamps, distributions, checks, completeness, where the time went',
  keys: ['output', 'variant', 'experiment_id', 'bands', 'reference_band'],
  run,
});

async function run(context: StageContext, config: InjectConfig): Promise<StageResult> {
  const { output } = requireKeys(config, 'report', ['output']);
  const layout = { output, variant: config.variant, manifestsSubdir: config.manifestsSubdir };
  const experiments = await experimentsOf({ ...layout, experimentId: config.experimentId }, 'metrics');
  const folder = phaseFolder(layout, 'report');
  const outputs: string[] = [];
  const store = await openStore(folder);
  try {
    for (const experimentId of experiments) {
      const own = { ...config, bands: [...expectedOf({ ...config, output }, experimentId).bands] };
      const page = await pageOf(context, own, layout, experimentId);
      const name = experiments.length === 1 ? 'index.html' : `${experimentId}.html`;
      await store.put(name, new TextEncoder().encode(runPage(page)));
      outputs.push(joinLocation(folder, name));
    }
  } finally {
    await store.close();
  }
  return {
    outcome: 'done',
    counts: { pages: outputs.length },
    outputs,
    summary: outputs.map((path) => `The report is at ${path}`),
  };
}

async function pageOf(context: StageContext, config: InjectConfig, layout: LayoutConfig, experimentId: string): Promise<RunPage> {
  const recipe = recipeOf(config);
  const { total, rows } = await sampleRows(
    datasetFolder(layout, 'metrics', experimentId),
    chartColumns(recipe.bands),
    SAMPLE_ROWS,
  );
  const sections: RunSection[] = [];
  const stamps = await stampSection(config, layout, experimentId, chooseRows(rows, ROWS_SHOWN));
  if (stamps !== undefined) sections.push(stamps);
  const charts = await distributionCharts(rows, recipe.bands);
  const drawnFrom = rows.length === total ? `All ${total} rows.` : `${rows.length} of ${total} rows, a fair sample.`;
  if (charts.length > 0) sections.push({ title: 'Distributions', text: drawnFrom, blocks: [{ kind: 'charts', charts }] });
  const check = await checkSection(layout, experimentId);
  if (check !== undefined) sections.push(check.section);
  const completeness = await completenessSection(layout, experimentId);
  if (completeness !== undefined) sections.push(completeness);
  const time = await timeSection(layout, experimentId);
  if (time !== undefined) sections.push(time);
  const record = await recordSection(layout, experimentId);
  if (record !== undefined) sections.push(record.section);
  const controls = rows.filter((row) => row['is_control'] === 1).length;
  const usable = rows.filter((row) => row['cutout_ok'] === 1).length;
  const share = (part: number) => (rows.length === 0 ? '–' : `${((100 * part) / rows.length).toFixed(1)} %`);
  return {
    title: `${config.variant} · ${experimentId}`,
    text: `Lensed galaxies injected into survey pixels by arclet ${context.version}${record?.engine === undefined ? '' : `, on ${record.engine}`}.`,
    headlines: [
      { value: total.toLocaleString('en'), label: 'rows' },
      { value: share(controls), label: 'controls' },
      { value: share(usable), label: 'usable stamps', tone: usable / Math.max(1, rows.length) >= 0.95 ? 'go' : 'warn' },
      ...(time?.rate === undefined ? [] : [{ value: time.rate.toFixed(0), label: 'rows per second' }]),
      ...(check === undefined ? [] : [verdictOf(check.verdicts)]),
    ],
    sections,
  };
}

async function stampSection(
  config: InjectConfig,
  layout: LayoutConfig,
  experimentId: string,
  ids: readonly string[],
): Promise<RunSection | undefined> {
  if (ids.length === 0) return undefined;
  const location = datasetFolder(layout, 'stamps', experimentId);
  const dataset = await openDataset(location).catch(() => undefined);
  await dataset?.close();
  if (dataset === undefined) return undefined;
  const { figures, stampArcsec } = await stampFigures(location, ids, recipeOf(config));
  if (figures.every(({ panels }) => panels.length === 0)) return undefined;
  return {
    title: 'Stamps',
    text: 'Rows spread over the signal-to-noise of their arcs, brightest first. Host and injected stamp share one stretch; the arc alone has its own.',
    blocks: [{ kind: 'stamps', figures, stampArcsec }],
  };
}
