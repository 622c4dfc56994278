import { describe, expect, it } from 'vitest';
import type { Task } from '../../../src/pipelines/injection/columns.ts';
import { type Measure, quotas, snrTargetOf } from '../../../src/pipelines/injection/manifest/arc-snr.ts';
import { hostRows, newFolder, rowsOf, runManifest, writeCsvRows } from './manifest-support.ts';

/** Log-normal about 6 with a width of 0.5 dex, of nothing but the task. */
function snrOf(task: Task): number {
  const u = Number(BigInt.asUintN(32, task.task_seed64)) / 2 ** 32;
  return 10 ** (0.8 + 1.4 * (u - 0.5) + 0.6 * (Number(BigInt.asUintN(64, task.task_seed64) >> 32n) / 2 ** 32 - 0.5));
}

const measured: number[] = [];
const fake: Measure = async function* (_context, _config, batches) {
  for await (const tasks of batches) {
    measured.push(tasks.length);
    // Every fiftieth row fails, as rows of a missing brick would.
    yield tasks.map((task) => ({ arc_snr: task.task_seed64 % 50n === 0n ? null : snrOf(task) }));
  }
};

const folder = newFolder();
const targets = writeCsvRows(
  folder,
  'targets.csv',
  hostRows(1200, 12, () => ({ region_split: 'train' })),
);
const base = { targets, output: folder, tiers: ['train'], target_arc_snr_candidates: 6, replicates: 2 };
const histogram = (rows: readonly Task[], edges: readonly number[]) =>
  edges.slice(1).map((edge, bin) => rows.filter((row) => snrOf(row) >= edges[bin] && snrOf(row) < edge).length);

describe('sampling to a histogram of arc_snr', () => {
  it('takes the requested shares where there are enough candidates, and says what it got', async () => {
    const target = { edges: [1, 3, 10, 30], weights: [1, 2, 1] };
    measured.length = 0;
    const run = await runManifest({ ...base, target_arc_snr: target, part_rows: 300 }, { measure: fake });
    const rows = await rowsOf(run.config);
    const positives = rows.filter(({ is_control }) => is_control === 0);
    const plain = await rowsOf((await runManifest({ ...base, variant: 'plain' })).config);
    const wanted = plain.filter(({ is_control }) => is_control === 0).length;
    expect(positives).toHaveLength(wanted);
    expect(histogram(positives, target.edges)).toEqual(quotas(target.weights, wanted));
    // Controls are those of the plan without a target.
    const controls = (all: readonly Task[]) => all.filter(({ is_control }) => is_control === 1).map(({ task_id }) => task_id);
    expect(controls(rows)).toEqual(controls(plain));
    expect(measured.reduce((a, b) => a + b, 0)).toBe(6 * wanted);
    const [outcome] = Object.values(
      run.facts['arc_snr_histograms'] as Record<
        string,
        { splits: { taken: number[]; unmeasured: number; candidates: number }[] }
      >,
    );
    expect(outcome.splits).toHaveLength(1);
    expect(outcome.splits[0].taken).toEqual(quotas(target.weights, wanted));
    expect(outcome.splits[0].unmeasured / outcome.splits[0].candidates).toBeCloseTo(0.02, 2);
  });

  it('takes the same rows whatever the parts are, and other rows have no say in it', async () => {
    const target = { edges: [1, 30], weights: [1] };
    const ids = async (variant: string, partRows: number) =>
      (
        await rowsOf(
          (
            await runManifest({ ...base, target_arc_snr: target, variant, part_rows: partRows }, { measure: fake })
          ).config,
        )
      ).map(({ task_id }) => task_id);
    expect(await ids('a', 90)).toEqual(await ids('b', 2000));
  });

  it('log_uniform is 20 equal bins of 0.1 dex from 0.8 to 80; a bin without candidates stays empty and is told', async () => {
    const target = snrTargetOf('log_uniform');
    expect(target?.edges).toHaveLength(21);
    expect(target?.edges[20]).toBeCloseTo(80, 10);
    expect(snrTargetOf('off')).toBeUndefined();
    const run = await runManifest({ ...base, variant: 'log', target_arc_snr: 'log_uniform' }, { measure: fake });
    const positives = (await rowsOf(run.config)).filter(({ is_control }) => is_control === 0);
    const counts = histogram(positives, target?.edges ?? []);
    const most = Math.max(...counts);
    // The middle of the candidates is full to the quota, their wings are not.
    expect(counts.slice(6, 13).every((count) => most - count <= 1)).toBe(true);
    expect(counts[19]).toBeLessThan(most);
    expect(run.result.summary.some((line) => /candidates fill \d+ of \d+ rows/.test(line))).toBe(true);
  });

  it('quotas are whole and add up', () => {
    expect(quotas([1, 1, 1], 100)).toEqual([34, 33, 33]);
    expect(quotas([0, 3, 1], 7)).toEqual([0, 5, 2]);
  });
});
