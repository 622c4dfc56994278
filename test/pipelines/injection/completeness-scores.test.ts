/** Completeness by the scores of a detector. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tableHead } from '../../../src/pipelines/files/table-convert.ts';
import { completenessStage } from '../../../src/pipelines/injection/completeness.ts';
import { configOf, contextOf, control, injection, writeMetrics, writePart } from './completeness-rows.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'arclet-completeness-'));
});
afterAll(() => rm(folder, { recursive: true }));

type Row = Record<string, unknown>;

async function read(output: string, name: string, experiment = 'exp'): Promise<Row[]> {
  const { columns, rows } = await tableHead(`${output}/phase4d/v1/${experiment}/${name}.parquet`, 1e6, {});
  return rows.map((row) => Object.fromEntries(row.map((cell, index) => [columns[index].name, cell])));
}

async function summary(output: string, experiment = 'exp') {
  return JSON.parse(await readFile(`${output}/phase4d/v1/${experiment}/completeness.json`, 'utf8'));
}

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
  const expectScores = async (output: string) => {
    expect((await read(output, 'completeness_surfaces'))[0]).toMatchObject(wanted);
    expect((await summary(output)).score).toEqual({
      column: 'score',
      score_fpr: 0.1,
      threshold: 0.9,
      rank: 2,
      n_controls: 20,
      achieved_fpr: 0.1,
      controls_without_score: 1,
    });
  };

  it('takes a column of the metrics', async () => {
    const output = join(folder, 'score-column');
    await writeMetrics(output, scored('score'), { extra: [{ name: 'score', type: 'float32', nullable: true }] });
    // float32 scores: 0.9 is 0.8999999761581421 for controls and injections alike.
    await completenessStage.run(contextOf(), configOf(output, { score_column: 'score', score_fpr: 0.1 }));
    expect((await read(output, 'completeness_surfaces'))[0]).toMatchObject(wanted);
    expect((await summary(output)).score).toMatchObject({ threshold: Math.fround(0.9), achieved_fpr: 0.1, n_controls: 20 });
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
