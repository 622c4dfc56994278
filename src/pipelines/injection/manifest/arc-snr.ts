/** Sampling to a histogram of arc_snr: candidates are measured without being written, and each bin keeps those of the smallest hash. */
import { throwIfAborted } from '../../../engine/batches.ts';
import type { StageContext } from '../../stage.ts';
import type { Task, TaskValue } from '../columns.ts';
import type { InjectConfig } from '../config.ts';
import { TaskDraws } from './draws.ts';
import { SPLITS } from './hosts.ts';
import { groupRows, keepRows, type RowPlan } from './plan.ts';
import { tasksOf } from './read.ts';
import { drawRows, type Experiment } from './rows.ts';

/** Measures rows batch by batch, in order; see measure.ts. */
export type Measure = (
  context: StageContext,
  config: InjectConfig,
  batches: AsyncIterable<readonly Task[]>,
) => AsyncGenerator<readonly Readonly<Record<string, TaskValue>>[]>;

/** Bins of arc_snr and how the rows are to be shared among them. */
export interface SnrTarget {
  readonly edges: readonly number[];
  readonly weights: readonly number[];
}

const LOG_UNIFORM = { from: 0.8, bins: 20, perDex: 10 } as const;

/** The histogram that a config asks for; undefined when it is off. `log_uniform`: equal counts per 0.1 dex from 0.8 to 80. */
export function snrTargetOf(target: InjectConfig['targetArcSnr']): SnrTarget | undefined {
  if (target === 'off') return undefined;
  if (target !== 'log_uniform') return target;
  const { from, bins, perDex } = LOG_UNIFORM;
  return {
    edges: Array.from({ length: bins + 1 }, (_, bin) => from * 10 ** (bin / perDex)),
    weights: new Array<number>(bins).fill(1),
  };
}

/** Whole numbers in the ratio of the weights that add up to `total` (largest remainders). */
export function quotas(weights: readonly number[], total: number): number[] {
  const sum = weights.reduce((a, b) => a + b, 0);
  const exact = weights.map((weight) => (total * weight) / sum);
  const shares = exact.map(Math.floor);
  const missing = total - shares.reduce((a, b) => a + b, 0);
  const byRemainder = exact.map((_, bin) => bin).sort((a, b) => exact[b] - shares[b] - (exact[a] - shares[a]) || a - b);
  for (const bin of byRemainder.slice(0, missing)) shares[bin]++;
  return shares;
}

/** What a pre-pass came to, per split. */
export interface SnrOutcome {
  readonly split: string;
  readonly candidates: number;
  /** Without an arc_snr: rows that could not be measured. */
  readonly unmeasured: number;
  readonly wanted: readonly number[];
  readonly found: readonly number[];
  readonly taken: readonly number[];
}

/**
 * Chooses among the candidates of a plan. A bin with too few candidates gives all that it has, so there may be fewer rows than asked for; the
 * shape of the histogram is not made up for elsewhere. Controls are kept, with the replicates that were asked for.
 *
 * @param plan rows with `candidates` replicates of positives for each of `config.replicates` wanted ones
 */
export async function chooseByArcSnr(
  context: StageContext,
  config: InjectConfig,
  target: SnrTarget,
  experiment: Experiment,
  plan: RowPlan,
  measure: Measure,
): Promise<{ plan: RowPlan; outcomes: SnrOutcome[] }> {
  const { split, hosts } = experiment;
  const keep = new Uint8Array(plan.length);
  const bin = new Int16Array(plan.length).fill(NOT_A_CANDIDATE);
  const rank = new Float64Array(plan.length);
  const { edges, weights } = target;
  const asked: number[][] = [];

  async function* candidates(): AsyncGenerator<readonly Task[]> {
    const groups = groupRows(
      plan.length,
      (row) => split[plan.host[row]],
      (row) => hosts.brick[plan.host[row]],
      config.partRows,
    );
    for (const { from, to } of groups) {
      throwIfAborted(context.signal, from);
      const { batch, unplaced } = drawRows(experiment, plan, from, to);
      const missing = new Set(unplaced.map(({ row }) => row));
      const tasks: Task[] = [];
      const rows: number[] = [];
      let row = from;
      for (const task of tasksOf(batch)) {
        while (missing.has(row)) keep[row++] = 1;
        if (task.is_control === 1) keep[row] = plan.replicate[row] < config.replicates ? 1 : 0;
        else {
          tasks.push(task);
          rows.push(row);
          rank[row] = new TaskDraws(task.task_id, experiment.seedBase).stream('arc_snr_rank').uniform();
        }
        row++;
      }
      // Rows without a place stay in the plan: writing it lists them.
      while (row < to) keep[row++] = 1;
      if (tasks.length === 0) continue;
      asked.push(rows);
      yield tasks;
    }
  }

  let measured = 0;
  for await (const metrics of measure(context, config, candidates())) {
    const rows = asked.shift() ?? [];
    rows.forEach((row, index) => {
      const snr = metrics[index]?.arc_snr;
      bin[row] = typeof snr === 'number' && !Number.isNaN(snr) ? binOfSnr(snr, edges) : UNMEASURED;
    });
    measured += rows.length;
    context.log.progress(`arc_snr of candidates of ${experiment.id}`, measured, plan.length);
  }

  const outcomes = SPLITS.flatMap((name, index): SnrOutcome[] => {
    const members = (row: number) => bin[row] !== NOT_A_CANDIDATE && split[plan.host[row]] === index;
    const { candidates: count, unmeasured, byBin } = sortIntoBins(plan.length, members, bin, weights.length);
    if (count === 0) return [];
    const wanted = quotas(weights, Math.round(count / config.targetArcSnrCandidates));
    byBin.forEach((rows, which) => {
      rows.sort((a, b) => rank[a] - rank[b] || a - b);
      for (const row of rows.subarray(0, wanted[which])) keep[row] = 1;
    });
    const found = byBin.map((rows) => rows.length);
    const taken = found.map((rows, which) => Math.min(rows, wanted[which]));
    return [{ split: name, candidates: count, unmeasured, wanted, found, taken }];
  });
  return { plan: keepRows(plan, keep), outcomes };
}

/** Rows of each bin. */
function sortIntoBins(
  rows: number,
  isMember: (row: number) => boolean,
  bin: Int16Array,
  bins: number,
): { candidates: number; unmeasured: number; byBin: Uint32Array[] } {
  const counts = new Float64Array(bins);
  let candidates = 0;
  let unmeasured = 0;
  for (let row = 0; row < rows; row++) {
    if (!isMember(row)) continue;
    candidates++;
    if (bin[row] === UNMEASURED) unmeasured++;
    else if (bin[row] >= 0) counts[bin[row]]++;
  }
  const byBin = Array.from(counts, (count) => new Uint32Array(count));
  const filled = new Float64Array(bins);
  for (let row = 0; row < rows; row++) {
    if (bin[row] >= 0 && isMember(row)) byBin[bin[row]][filled[bin[row]]++] = row;
  }
  return { candidates, unmeasured, byBin };
}

const NOT_A_CANDIDATE = -3;
const UNMEASURED = -2;
const OUTSIDE = -1;

function binOfSnr(snr: number, edges: readonly number[]): number {
  if (!(snr >= edges[0] && snr <= edges[edges.length - 1])) return OUTSIDE;
  let bin = 0;
  while (bin < edges.length - 2 && snr >= edges[bin + 1]) bin++;
  return bin;
}
