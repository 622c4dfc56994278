import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ArcletError } from '../../src/core/errors.ts';
import { throwIfAborted } from '../../src/engine/batches.ts';
import type { Engine } from '../../src/engine/face.ts';
import type { InjectConfig } from '../../src/pipelines/injection/config.ts';
import { writeRunConfig } from '../../src/pipelines/injection/inject/run-config.ts';
import { loadInjectConfig } from '../../src/pipelines/injection/load-config.ts';
import { checkShard, INJECT_STAGES, recordLocationOf, stagesOfRun } from '../../src/pipelines/injection/stages.ts';
import { writeJson } from '../../src/pipelines/record.ts';
import { OUTCOME_STATUS, runStage, runStages, type StageHost, worstOutcome } from '../../src/pipelines/runner.ts';
import { defineStage, type StageContext, type StageResult } from '../../src/pipelines/stage.ts';

const folder = mkdtempSync(join(tmpdir(), 'arclet-runner-'));
const location = (name: string) => join(folder, name, '_stage_config_fake.json');
const read = (path: string) => JSON.parse(readFileSync(path, 'utf8'));
const loaded = await loadInjectConfig({
  flags: { output: folder, seed_base: '1337' },
  sets: ['cosmos_salt=salt'],
  cwd: folder,
});

const DONE: StageResult = { outcome: 'done', counts: { rows: 3 }, seconds: { write: 1 }, outputs: ['/a'], summary: ['3 rows'] };
const fake = (run: (context: StageContext, config: InjectConfig) => Promise<StageResult>) =>
  defineStage<InjectConfig>({ name: 'fake', aliases: [], summary: 'does nothing', keys: [], run });

function host(recordLocation: string | undefined, more: Partial<StageHost> = {}): StageHost {
  return {
    log: { info: () => undefined, progress: () => undefined },
    version: '1.2.3',
    shard: { index: 0, count: 1 },
    force: false,
    signal: new AbortController().signal,
    openEngine: () => Promise.reject(new Error('no engine was expected')),
    recordLocation,
    ...more,
  };
}

function fakeEngine() {
  const state = { opened: 0, closed: 0 };
  const engine = {
    info: { backend: 'cpu', adapter: undefined, gpu: undefined, workers: 2, reason: 'asked for' },
    close: async () => void state.closed++,
  } as unknown as Engine;
  const openEngine = async () => {
    state.opened++;
    return engine;
  };
  return { state, openEngine };
}

describe('the run record', () => {
  it('is there before the first row, with everything that decides the run, and complete after the last', async () => {
    const at = location('complete');
    const finished = await runStage(
      fake(async ({ record }) => {
        const before = read(at);
        expect(before).toMatchObject({
          stage: 'fake',
          arclet: '1.2.3',
          node: process.version,
          shard: '1/1',
          outcome: 'running',
          config_hash: loaded.hash,
          config: { seed_base: 1337, template_salt: 'salt' },
          origin: { seed_base: 'flag', template_salt: 'set', theta_e_convention: 'preset' },
          overrides: [{ key: 'template_salt', value: 'salt', instead_of: null, instead_of_origin: 'default' }],
          seeds: { seed_base: 1337, split_seed: 13 },
        });
        expect(before.started_utc).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
        expect(before.origin).not.toHaveProperty('bands');
        for (const hash of [before.kernel_sources.shaders['render-lensed.wgsl'], before.kernel_sources.kernels['render-lensed']])
          expect(hash).toMatch(/^[0-9a-f]{64}$/);
        await Promise.all([record.note({ input_sha256: 'abc' }), record.note({ rows_planned: 3n })]);
        expect(read(at)).toMatchObject({ input_sha256: 'abc', rows_planned: 3, outcome: 'running' });
        return DONE;
      }),
      loaded,
      host(at),
    );
    expect(finished).toMatchObject({ ...DONE, name: 'fake' });
    const after = read(at);
    expect(after).toMatchObject({
      outcome: 'done',
      counts: { rows: 3 },
      seconds: { write: 1 },
      failures: [],
      input_sha256: 'abc',
    });
    expect(after.wall_seconds).toBeGreaterThanOrEqual(0);
    expect(Date.parse(after.ended_utc)).toBeGreaterThanOrEqual(Date.parse(after.started_utc));
  });

  it('cannot be written: the run does not begin', async () => {
    const blocked = join(folder, 'a-file');
    writeFileSync(blocked, '');
    const ran: string[] = [];
    const stage = fake(async () => {
      ran.push('fake');
      return DONE;
    });
    const run = runStage(stage, loaded, host(join(blocked, 'record.json')));
    await expect(run).rejects.toMatchObject({ code: 'OUTPUT_UNWRITABLE' });
    expect(ran).toEqual([]);
  });

  it('tells of a failure and of a stop', async () => {
    const failed = location('failed');
    const failure = new ArcletError('INPUT_INVALID', 'The manifest is empty.', { remedy: 'Make one.' });
    await expect(runStage(fake(() => Promise.reject(failure)), loaded, host(failed))).rejects.toBe(failure); // biome-ignore format: one thought
    expect(read(failed)).toMatchObject({ outcome: 'error', error: { code: 'INPUT_INVALID', remedy: 'Make one.' } });

    const stopped = location('stopped');
    const controller = new AbortController();
    const stage = fake(async ({ signal }) => {
      controller.abort();
      throwIfAborted(signal, 7);
      return DONE;
    });
    await expect(runStage(stage, loaded, host(stopped, { signal: controller.signal }))).rejects.toMatchObject({
      code: 'ABORTED',
    });
    expect(read(stopped)).toMatchObject({ outcome: 'aborted', error: { message: 'The run was stopped after 7 items.' } });
    const never = location('never');
    await expect(runStage(stage, loaded, host(never, { signal: controller.signal }))).rejects.toMatchObject({ code: 'ABORTED' });
    expect(existsSync(never)).toBe(false);
  });

  it('of an experiment has the originals keys at its top', async () => {
    const layout = { output: folder, variant: 'v9', manifestsSubdir: 'manifests' };
    const stage = fake(async (context) => {
      await writeRunConfig(context, layout, 'debug_stamp64', { source_mode: 'sersic' });
      return DONE;
    });
    await runStage(stage, loaded, host(undefined));
    expect(read(join(folder, 'phase4c', 'v9', 'run_config_debug_stamp64.json'))).toMatchObject({
      stage: '4c',
      variant: 'v9',
      experiment_id: 'debug_stamp64',
      source_mode: 'sersic',
      cosmos_bank_h5: null,
      cosmos_salt: 'salt',
      seed_base: 1337,
      psf_model: 'moffat',
      moffat_beta: 3.5,
      split_seed: 13,
      execution_timestamp_utc: expect.stringMatching(/Z$/),
      run: { config_hash: loaded.hash, outcome: 'running' },
    });
  });

  it('keeps what earlier runs at its place came to', async () => {
    const at = location('again');
    const failing = fake(() => Promise.reject(new ArcletError('INPUT_INVALID', 'No.')));
    await expect(runStage(failing, loaded, host(at))).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    for (let run = 0; run < 2; run++) await runStage(fake(async () => DONE), loaded, host(at)); // biome-ignore format: one thought
    const { earlier, error, outcome } = read(at);
    expect(earlier).toMatchObject([
      { outcome: 'error', error: { code: 'INPUT_INVALID' }, config_hash: loaded.hash },
      { outcome: 'done', counts: { rows: 3 }, seconds: { write: 1 } },
    ]);
    expect(earlier[1]).not.toHaveProperty('config');
    expect({ outcome, error }).toEqual({ outcome: 'done', error: undefined });
    writeFileSync(at, '{ half');
    await runStage(fake(async () => DONE), loaded, host(at)); // biome-ignore format: one thought
    expect(read(at).earlier).toMatchObject([{ outcome: 'unreadable' }]);
  });

  it('keeps integers beyond 2^53 as text', async () => {
    await writeJson(join(folder, 'big.json'), { seed: 2n ** 60n, count: 5n });
    expect(read(join(folder, 'big.json'))).toEqual({ seed: String(2n ** 60n), count: 5 });
  });
});

describe('the engine', () => {
  it('is opened once, noted, and closed also when the stage fails', async () => {
    const at = location('engine');
    const { state, openEngine } = fakeEngine();
    const stage = fake(async (context) => {
      const [first, second] = await Promise.all([context.engine(), context.engine()]);
      expect(first).toBe(second);
      expect(read(at)).toMatchObject({ engine: { backend: 'cpu', workers: 2, reason: 'asked for' } });
      throw new ArcletError('INPUT_INVALID', 'No.');
    });
    await expect(runStage(stage, loaded, host(at, { openEngine }))).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    expect(state).toEqual({ opened: 1, closed: 1 });
  });

  it('that does not open is the stage failure', async () => {
    const at = location('no-engine');
    const openEngine = () => Promise.reject(new ArcletError('GPU_UNAVAILABLE', 'There is no GPU.'));
    const stage = fake(async ({ engine }) => ({ ...DONE, counts: { workers: (await engine()).info.workers } }));
    await expect(runStage(stage, loaded, host(at, { openEngine }))).rejects.toMatchObject({ code: 'GPU_UNAVAILABLE' });
    expect(read(at).error.code).toBe('GPU_UNAVAILABLE');
  });
});

describe('a run of stages', () => {
  const ending = (outcome: StageResult['outcome']) => fake(async () => ({ ...DONE, outcome }));
  const run = async (...outcomes: StageResult['outcome'][]) => {
    const seen: string[] = [];
    const stages = outcomes.map((outcome) => ({ stage: ending(outcome), recordLocation: undefined }));
    const outcome = await runStages(stages, loaded, host(undefined), (stage) => seen.push(stage.outcome));
    return { seen, status: OUTCOME_STATUS[outcome] };
  };

  it('goes on after failed rows and a NO-GO, and ends with the graver status', async () => {
    expect(await run('done', 'done')).toEqual({ seen: ['done', 'done'], status: 0 });
    expect(await run('failed-rows', 'done')).toEqual({ seen: ['failed-rows', 'done'], status: 5 });
    expect(await run('failed-rows', 'no-go', 'done')).toEqual({ seen: ['failed-rows', 'no-go', 'done'], status: 1 });
    expect(worstOutcome([])).toBe('done');
  });

  it('ends where a stage throws', async () => {
    const seen: string[] = [];
    const broken = fake(() => Promise.reject(new ArcletError('OUTPUT_UNWRITABLE', 'The disk is full.')));
    const stages = [ending('done'), broken, ending('done')].map((stage) => ({ stage, recordLocation: undefined }));
    await expect(runStages(stages, loaded, host(undefined), ({ outcome }) => seen.push(outcome))).rejects.toMatchObject({
      code: 'OUTPUT_UNWRITABLE',
    });
    expect(seen).toEqual(['done']);
  });
});

describe('the stages of injection', () => {
  const shard = { index: 1, count: 4 };

  it('have names, aliases and record files of their own', () => {
    const names = INJECT_STAGES.flatMap(({ name, aliases }) => [name, ...aliases]);
    expect(new Set(names).size).toBe(names.length);
    const at = (name: string, which = { index: 0, count: 1 }) =>
      recordLocationOf(INJECT_STAGES.find((entry) => entry.name === name)!, { ...loaded.config, output: '/out' }, which);
    expect(at('manifest')).toBe('/out/phase4a/v1/_stage_config_manifest.json');
    expect(at('inject', shard)).toBe('/out/phase4c/v1/_stage_config_inject_shard-2-of-4.json');
    expect(() => recordLocationOf(INJECT_STAGES[0], { ...loaded.config, output: undefined }, shard)).toThrow(
      'Stage manifest needs output (or output_s3)',
    );
  });

  it('run in order, audit and compact when asked for', () => {
    const run = (...extra: string[]) => stagesOfRun(extra).map(({ name }) => name);
    expect(run()).toEqual(['manifest', 'cache', 'inject', 'check', 'completeness', 'report']);
    expect(run('compact', 'audit')).toEqual(INJECT_STAGES.map(({ name }) => name));
    expect(() => run('chek')).toThrow("There is no stage 'chek' to add");
  });

  it('that cannot be cut refuse a shard', () => {
    expect(() => checkShard('inject', true, shard)).not.toThrow();
    expect(() => checkShard('check', false, { index: 0, count: 1 })).not.toThrow();
    expect(() => checkShard('check', false, shard)).toThrow('Stage check is not cut into shards, but --shard 2/4 was given.');
  });
});
