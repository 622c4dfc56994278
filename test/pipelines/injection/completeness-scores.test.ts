/** Completeness by the scores of a detector. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { completenessStage } from '../../../src/pipelines/injection/completeness.ts';
import {
  configOf,
  contextOf,
  control,
  injection,
  readResult,
  readSummary,
  writeMetrics,
  writePart,
} from './completeness-rows.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'arclet-completeness-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('with the scores of a detector', () => {
  // 20 controls with scores 0.00 .. 0.95, one unscored, one whose cutout failed; 5 injections, one unscored.
  const controls = Array.from({ length: 20 }, (_, k) => control(`c${k}`, { score: k / 20 }));
  const scored = (name: string) => [
    ...controls,
    control('unscored control', { [name]: null }),
    control('failed control', { cutout_ok: 0, [name]: 9 }),
    ...[0.99, 0.9, 0.89, 0.1].map((score, k) => injection(`i${k}`, { [name]: score, arc_snr: 0.1 })),
    injection('unscored', { [name]: null }),
  ];
  const wanted = {
    n_attempt: 5,
    n_valid_all: 5,
    n_recovered_all: 2,
    n_recovered_clean: 2,
    n_recovered_snr_only: 1,
    n_score_missing: 1,
  };
  // Wilson's interval of 2 in 20 at 1.96 sigma (scipy.stats.binomtest).
  const onControls = {
    n_controls: 20,
    achieved_fpr: 0.1,
    achieved_fpr_low: expect.closeTo(0.02786589, 6),
    achieved_fpr_high: expect.closeTo(0.30103821, 6),
  };
  const expectScores = async (output: string) => {
    expect((await readResult(output, 'completeness_surfaces'))[0]).toMatchObject(wanted);
    expect((await readSummary(output)).score).toEqual({
      column: 'score',
      score_fpr: 0.1,
      threshold: 0.9,
      rank: 2,
      ...onControls,
      controls_without_score: 1,
      clean: { threshold: 0.9, rank: 2, ...onControls },
      warnings: ['controls', 'clean controls'].map((what) =>
        expect.stringMatching(`^score_fpr asks for 2 of 20 ${what}, fewer than 10`),
      ),
    });
  };

  it('takes a column of the metrics', async () => {
    const output = join(folder, 'score-column');
    await writeMetrics(output, scored('score'), { extra: [{ name: 'score', type: 'float32', nullable: true }] });
    // float32 scores: 0.9 is 0.8999999761581421 for controls and injections alike.
    await completenessStage.run(contextOf(), configOf(output, { score_column: 'score', score_fpr: 0.1 }));
    expect((await readResult(output, 'completeness_surfaces'))[0]).toMatchObject(wanted);
    expect((await readSummary(output)).score).toMatchObject({ threshold: Math.fround(0.9), achieved_fpr: 0.1, n_controls: 20 });
  });

  it('joins a table by task, in any order', async () => {
    const output = join(folder, 'score-table');
    await writeMetrics(output, scored('score'));
    const rows = [...scored('score').toReversed(), { task_id: 'not in the metrics', score: 7 }];
    const columns = [{ name: 'task_id', type: 'string' }, { name: 'score', type: 'float64', nullable: true }] as const; // biome-ignore format: two columns
    await writePart(output, 'scores.parquet', { columns }, [rows.slice(0, 9), rows.slice(9)]);
    const config = configOf(output, { score_column: 'score', score_table: `${output}/scores.parquet`, score_fpr: 0.1 });
    await completenessStage.run(contextOf(), config);
    await expectScores(output);
  });

  it('asks clean injections for the threshold of clean controls', async () => {
    const output = join(folder, 'score-clean');
    // 400 controls: half of them masked, and these score 0.5 higher.
    const mixed = Array.from({ length: 400 }, (_, k) =>
      control(`m${k}`, k % 2 === 0 ? { score: k / 800 } : { score: 0.5 + k / 800, bad_pixel_frac: 0.9 }),
    );
    const injected = [0.47, 0.6, 0.97].map((score, k) => injection(`i${k}`, { score, arc_snr: 0.1 }));
    await writeMetrics(output, [...mixed, ...injected], { extra: [{ name: 'score', type: 'float64', nullable: true }] });
    const { summary: lines } = await completenessStage.run(
      contextOf(),
      configOf(output, { score_column: 'score', score_fpr: 0.05 }),
    );
    const { score, totals } = await readSummary(output);
    // Of 200 clean controls the tenth from the top is 380 / 800, of all 400 the twentieth is 0.5 + 361 / 800.
    expect(score).toMatchObject({
      threshold: expect.closeTo(0.95125, 12),
      rank: 20,
      clean: { threshold: 0.475, rank: 10, n_controls: 200 },
      warnings: [],
    });
    expect(totals).toMatchObject({ n_valid_clean: 3, n_recovered_all: 1, n_recovered_clean: 2 });
    expect(lines?.join()).toContain('score threshold 0.475, at or above it 5.00 % of 200 clean controls');
  });

  it('says that no clean control has a score', async () => {
    const output = join(folder, 'score-no-clean');
    const masked = Array.from({ length: 20 }, (_, k) => control(`m${k}`, { score: k / 20, bad_pixel_frac: 0.9 }));
    await writeMetrics(output, [...masked, injection('i', { score: 0.99 })], { extra: [{ name: 'score', type: 'float64', nullable: true }] }); // biome-ignore format: one call
    await completenessStage.run(contextOf(), configOf(output, { score_column: 'score', score_fpr: 0.1 }));
    const { score, totals } = await readSummary(output);
    expect(score).toMatchObject({ clean: null, warnings: [expect.stringContaining('No clean control has a score')] });
    expect(totals).toMatchObject({ n_recovered_all: 1, n_recovered_clean: 0 });
  });

  it('says what is missing', async () => {
    const output = join(folder, 'score-none');
    await writeMetrics(output, [injection('one', {})], { extra: [{ name: 'score', type: 'float64', nullable: true }] });
    const failure = async (change: Record<string, unknown>) =>
      completenessStage.run(contextOf(), configOf(output, change)).then(
        () => 'done',
        (error: Error) => error.message,
      );
    expect(await failure({ score_column: 'score' })).toBe('No control has a score, so that no threshold can be set.');
    expect(await failure({ score_column: 'p_lens' })).toMatch(/have no column p_lens\.$/);
    expect(await failure({ score_table: 'scores.csv' })).toMatch('score_column does not say which column');
  });
});
