/** Plans, draws and writes the rows of a catalogue. */
import { throwIfAborted } from '../../../engine/batches.ts';
import type { Store } from '../../../io/store/store.ts';
import type { TableBatch } from '../../../io/table.ts';
import type { StageContext } from '../../stage.ts';
import type { InjectConfig } from '../config.ts';
import { chooseByArcSnr, type Measure, snrTargetOf } from './arc-snr.ts';
import { type PlannedExperiment, planCampaign } from './campaign.ts';
import { SPLITS } from './hosts.ts';
import { groupRows, keepRows, type RowPlan, withinLimit } from './plan.ts';
import { type Prepared, prepareHosts } from './prepare.ts';
import type { Rejected } from './rejected.ts';
import { drawRows, type Experiment } from './rows.ts';
import { type SplitShare, splitShares } from './splits.ts';
import { clearManifest, type WrittenExperiment, writeBricks, writeExperiment } from './write.ts';
import { factsOf, refuseEmpty, type Written } from './written.ts';

/** Makes the parts of every experiment. The caller sets the marker. Throws CONFIG_INVALID before anything is written, INPUT_*, OUTPUT_UNWRITABLE, ABORTED. */
export async function writePlanned(
  context: StageContext,
  config: InjectConfig,
  targets: string,
  store: Store,
  measure: Measure,
): Promise<Written> {
  const clock = new Clock();
  const prepared = await prepareHosts(targets, config);
  clock.add('read');
  const campaign = planCampaign(prepared, config, context.version);
  clock.add('sample');
  await context.record.note({ ...prepared.facts, rows_planned: campaign.rows });
  refuseEmpty(campaign.experiments, targets, prepared.rejected);
  await clearManifest(store);
  const experiments: WrittenExperiment[] = [];
  const bricks = new Map<string, ReadonlyMap<string, number>>();
  const histograms: Record<string, unknown> = {};
  const warnings = [...prepared.warnings, ...campaign.warnings];
  for (const planned of campaign.experiments) {
    const { id } = planned.experiment;
    const plan = await finalPlan(context, config, planned, measure, histograms, warnings);
    clock.add(config.targetArcSnr === 'off' ? 'plan' : 'measure');
    const batches = drawnBatches(context, config, planned.experiment, plan, prepared.rejected, clock);
    const { experiment, byBrick } = await writeExperiment(store, id, batches, plan.length, factsOf(context));
    clock.add('write');
    if (experiment.rows === 0) warnings.push(`${id} has no rows.`);
    else
      experiments.push({ ...experiment, hosts_by_split: { ...planned.hostsBySplit }, capped_splits: [...planned.cappedSplits] });
    bricks.set(id, byBrick);
  }
  refuseEmpty(experiments, targets, prepared.rejected);
  const shares = sharesOf(prepared, experiments, config);
  if (shares.some(({ hostShare, wanted }) => Math.abs(hostShare - wanted) > config.splitTolerance)) {
    const found = shares.map(({ split, hostShare, wanted }) => `${split} ${percent(hostShare)} (wanted ${percent(wanted)})`);
    warnings.push(`Hosts are split ${found.join(', ')}: regions are few or differ in size.`);
  }
  return {
    experiments,
    bricks: await writeBricks(store, bricks),
    rejected: prepared.rejected,
    warnings,
    facts: {
      ...prepared.facts,
      targets_kind: 'catalogue',
      rejected: prepared.rejected.counts,
      splits: shares.map(({ split, hosts, rows, hostShare, rowShare, wanted }) => ({
        split,
        hosts,
        rows,
        host_share: hostShare,
        row_share: rowShare,
        wanted_share: wanted,
      })),
      arc_snr_histograms: histograms,
    },
    seconds: clock.seconds,
    summary: shares.map(
      ({ split, hosts, rows, hostShare, rowShare, wanted }) =>
        `${split.padEnd(5)} ${String(hosts).padStart(8)} hosts ${percent(hostShare)}, ${String(rows).padStart(9)} rows ${percent(rowShare)}, wanted ${percent(wanted)}`,
    ),
  };
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

function sharesOf(prepared: Prepared, experiments: readonly WrittenExperiment[], config: InjectConfig): SplitShare[] {
  const hosts = [0, 0, 0];
  for (const split of prepared.split) hosts[split]++;
  const rows = SPLITS.map((split) => experiments.reduce((sum, experiment) => sum + (experiment.rows_by_split[split] ?? 0), 0));
  return splitShares(hosts, rows, config);
}

/** The rows of an experiment; where a histogram of arc_snr is asked for, those that the pre-pass chose. */
async function finalPlan(
  context: StageContext,
  config: InjectConfig,
  planned: PlannedExperiment,
  measure: Measure,
  histograms: Record<string, unknown>,
  warnings: string[],
): Promise<RowPlan> {
  const target = snrTargetOf(config.targetArcSnr);
  if (target === undefined) return planned.plan();
  const { experiment } = planned;
  const { plan, outcomes } = await chooseByArcSnr(context, config, target, experiment, planned.plan(), measure);
  histograms[experiment.id] = { edges: target.edges, splits: outcomes };
  const total = (pick: 'wanted' | 'taken') => outcomes.reduce((sum, one) => sum + one[pick].reduce((a, b) => a + b, 0), 0);
  if (total('taken') < total('wanted')) {
    warnings.push(
      `${experiment.id}: the candidates fill ${total('taken')} of ${total('wanted')} rows of the arc_snr histogram; more candidates or another grid reach further.`,
    );
  }
  if (config.testLimit === 0) return plan;
  return keepRows(
    plan,
    withinLimit(plan.length, (row) => experiment.split[plan.host[row]], config.testLimit),
  );
}

function* drawnBatches(
  context: StageContext,
  config: InjectConfig,
  experiment: Experiment,
  plan: RowPlan,
  rejected: Rejected,
  clock: Clock,
): Generator<TableBatch> {
  const { hosts, split } = experiment;
  const groups = groupRows(
    plan.length,
    (row) => split[plan.host[row]],
    (row) => hosts.brick[plan.host[row]],
    config.partRows,
  );
  clock.add('plan');
  for (const { from, to } of groups) {
    throwIfAborted(context.signal, from);
    const { batch, unplaced } = drawRows(experiment, plan, from, to);
    for (const { row, taskId } of unplaced) {
      const host = plan.host[row];
      const position = [hosts.ra[host], hosts.dec[host]] as const;
      rejected.add(hosts.row[host], hosts.bricks[hosts.brick[host]], ...position, 'no_area_for_placement', taskId);
    }
    clock.add('draw');
    yield batch;
    clock.add('write');
    context.log.progress(`rows of ${experiment.id}`, to, plan.length);
  }
}

/** Wall time by what it went to. */
class Clock {
  readonly seconds: Record<string, number> = {};
  #last = performance.now();

  add(what: string): void {
    const now = performance.now();
    this.seconds[what] = (this.seconds[what] ?? 0) + (now - this.#last) / 1000;
    this.#last = now;
  }
}
