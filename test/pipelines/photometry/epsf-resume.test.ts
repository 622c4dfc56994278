import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { epsfField } from '../../../src/pipelines/photometry/epsf.ts';
import type { LoadedField } from '../../../src/pipelines/photometry/field.ts';
import type { StageContext } from '../../../src/pipelines/stage.ts';
import { configIn, contextOf, fieldOf } from '../../support/epsf-run.ts';
import { memoryFrame } from '../../support/psf-field.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'arclet-epsf-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const configOf = (epsf: Record<string, unknown>, more: Record<string, unknown> = {}) => configIn(folder, epsf, more);

describe('runs of the ePSF stage', () => {
  it('writes the same bytes in this thread and in two workers', async () => {
    const { field } = fieldOf({ size: 200, bands: ['m400', 'm425'] });
    const read = async () => {
      const files = (await readdir(join(folder, 'EPSFs'), { recursive: true }))
        .filter((name) => /\.(npy|npz|json)$/.test(name))
        .sort();
      return Promise.all(files.map(async (name) => [name, (await readFile(join(folder, 'EPSFs', name))).toString('base64')]));
    };
    const { context } = contextOf({ force: true });
    const config = configOf({ epsf_ngrid: 1 });
    await epsfField(context, config, field, { workers: 0 });
    const one = await read();
    await epsfField(context, config, field, { workers: 2 });
    expect(await read()).toEqual(one);
    expect(one.length).toBe(2 * (2 + 2) + 1);
  });

  it('keeps a band that is done, until something changes or force says so', async () => {
    const { field } = fieldOf();
    let reads = 0;
    const [frame] = field.frames;
    const read: typeof frame.section = (...box) => {
      reads++;
      return frame.section(...box);
    };
    const counted = { ...frame, section: read };
    const counting = { ...field, frames: [counted] } as LoadedField;
    const run = (more: Partial<StageContext> = {}, config: Record<string, unknown> = {}) =>
      epsfField(contextOf(more).context, configOf({}, config), counting, { workers: 0 });
    const first = await run();
    expect(reads).toBe(4);
    const again = await run();
    expect(reads).toBe(4);
    expect(again.counts).toEqual(first.counts);
    // What later stages read is no reason to make PSFs again.
    await run({}, { patch_run: { n_opt_iters: 25 } });
    expect(reads).toBe(4);
    await run({}, { moffat_psf: { beta: 3 } });
    expect(reads).toBe(8);
    await run({ force: true }, { moffat_psf: { beta: 3 } });
    expect(reads).toBe(12);
  });

  it('goes on after the cells that a run which was stopped had finished', async () => {
    const { field } = fieldOf();
    const [frame] = field.frames;
    let reads = 0;
    const section: typeof frame.section = (...box) => {
      reads++;
      return frame.section(...box);
    };
    const counting = { ...field, frames: [{ ...frame, section }] } as LoadedField;
    const abort = new AbortController();
    const { context } = contextOf({ signal: abort.signal });
    Object.assign(context.log, { progress: (_: string, done: number) => done === 3 && abort.abort() });
    const stopped = epsfField(context, configOf({}), counting, { workers: 0 });
    await expect(stopped).rejects.toMatchObject({ code: 'ABORTED' });
    expect(reads).toBe(3);
    await epsfField(contextOf().context, configOf({}), counting, { workers: 0 });
    expect(reads).toBe(4);
    const files = async () => {
      const names = await readdir(join(folder, 'EPSFs'), { recursive: true });
      const numbers = names.filter((name) => /\.(npy|npz|json)$/.test(name)).sort();
      return Promise.all(numbers.map(async (name) => [name, (await readFile(join(folder, 'EPSFs', name))).toString('base64')]));
    };
    const resumed = await files();
    expect((await readdir(join(folder, 'EPSFs'), { recursive: true })).filter((name) => name.endsWith('.bin'))).toEqual([]);
    await epsfField(contextOf({ force: true }).context, configOf({}), counting, { workers: 0 });
    expect(await files()).toEqual(resumed);
  });

  it('leaves no file of a band that was made otherwise, from its first new cell on', async () => {
    const { field } = fieldOf();
    const list = async () => (await readdir(join(folder, 'EPSFs', 'm400'))).filter((name) => !name.startsWith('r')).sort();
    const run = (epsf: Record<string, unknown>, context = contextOf().context) =>
      epsfField(context, configOf(epsf), field, { workers: 0 });
    await run({});
    expect(await list()).toEqual(['band.json', 'epsf_cells.npz']);
    await writeFile(join(folder, 'EPSFs', 'm400', 'epsf_frame.npy'), 'of a band that needed one');
    const abort = new AbortController();
    const { context } = contextOf({ signal: abort.signal });
    Object.assign(context.log, { progress: () => abort.abort() });
    await expect(run({ interpolate: false }, context)).rejects.toMatchObject({ code: 'ABORTED' });
    expect(await list()).toEqual([]);
    await run({ interpolate: false });
    expect(await list()).toEqual(['band.json']);
  });

  it('makes again what was cut off or deleted', async () => {
    const { field } = fieldOf({ size: 200 });
    const [frame] = field.frames;
    let reads = 0;
    const section: typeof frame.section = (...box) => {
      reads++;
      return frame.section(...box);
    };
    const counting = { ...field, frames: [{ ...frame, section }] } as LoadedField;
    const run = () => epsfField(contextOf().context, configOf({ epsf_ngrid: 1 }), counting, { workers: 0 });
    await run();
    const band = join(folder, 'EPSFs', 'm400');
    for (const [name, text] of [
      ['band.json', 'null'],
      ['band.json', '{"key"'],
      ['r00_c00/epsf.npy', 'cut off'],
    ] as const) {
      await writeFile(join(band, name), text);
      // A cell kept by a run that was killed as it wrote it: what it says cannot be read.
      await writeFile(join(band, 'r00_c00', 'outcome.bin'), Buffer.of(255, 15, 111, 1));
      reads = 0;
      await run();
      expect([name, reads]).toEqual([name, 1]);
    }
    for (const name of ['r00_c00/meta.json', 'epsf_cells.npz']) {
      await rm(join(band, name));
      reads = 0;
      await run();
      expect([name, reads]).toEqual([name, 1]);
    }
  });

  it('leaves no PSF or picture of an earlier run where there are no stars any more', async () => {
    const { field } = fieldOf({ size: 200 });
    const config = { ...configOf({ epsf_ngrid: 1 }), profile: 'tract7dt' } as const;
    const { context } = contextOf({ force: true });
    const list = async () => (await readdir(join(folder, 'EPSFs', 'm400', 'r00_c00'))).sort();
    await epsfField(context, config, field, { workers: 0 });
    expect(await list()).toContain('epsf.npy');
    await writeFile(join(folder, 'EPSFs', 'm400', 'r00_c00', 'notes.txt'), 'mine');
    const frames = [memoryFrame('m400', new Float32Array(40_000), 200)];
    await epsfField(context, config, { ...field, frames }, { workers: 0 });
    expect(await list()).toEqual(['meta.json', 'notes.txt', 'psfstars.png', 'psfstars_bgsub.png']);
  });

  it('opens as many workers as the budget has room for, none where there is room for none, and tells the memory', async () => {
    const { field } = fieldOf({ size: 200, bands: ['m400'] });
    const told = async (memory_budget: string) => {
      const { context, messages } = contextOf({ force: true });
      const config = configOf({ epsf_ngrid: 1, max_workers: 2 }, { performance: { memory_budget } });
      const { summary } = await epsfField(context, config, field);
      expect(summary.at(-1)).toBe(messages.at(-1));
      return messages.at(-1);
    };
    expect(await told('100MB')).toMatch(
      /^ePSF: in this thread: the 221 MiB of a worker are more .* of 95 MiB; process at most \d+ MiB so far$/,
    );
    expect(await told('1GB')).toMatch(/^ePSF: 1 workers of 221 MiB of a budget of 954 MiB; process at most \d+ MiB so far$/);
  });

  it('stops between cells when it is told to', async () => {
    const abort = new AbortController();
    const { field } = fieldOf();
    const { context } = contextOf({ signal: abort.signal });
    Object.assign(context.log, { progress: () => abort.abort() });
    await expect(epsfField(context, configOf({}), field, { workers: 0 })).rejects.toMatchObject({ code: 'ABORTED' });
  });
});
