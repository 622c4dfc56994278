/** `arclet detect` through the shell. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { makeDemoScene } from '../../src/pipelines/demo/scene.ts';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const FOLDER = mkdtempSync(join(tmpdir(), 'arclet-detect-cli-'));
afterAll(() => rmSync(FOLDER, { recursive: true }));
const at = (name: string) => join(FOLDER, name);

function arclet(...args: string[]): { status: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
    encoding: 'utf8',
    timeout: 60_000,
    cwd: FOLDER,
  });
  return { status, out: stdout, err: stderr };
}

const scene = await makeDemoScene(at('scene'), { bands: 2, size: 384, version: 'test' });
const IMAGE = join('scene', 'images', 'm425.fits');

describe('arclet detect', () => {
  it('makes a catalogue that arclet fit takes as it is', () => {
    const { status, out } = arclet(
      'detect',
      IMAGE,
      '--out',
      'found.csv',
      '--threshold-sigma',
      '3',
      '--picture',
      'found.png',
      '--backend',
      'cpu',
    );
    expect(status).toBe(0);
    expect(out).toMatch(/^detect: done in [\d.]+ s\n {2}\d+ objects, \d+ groups split, \d+ cleaned away, \d+ saturated\n/);
    expect(out).toMatch(/gain [\d.]+ \(EGAIN\); saturation \d+ \(SATURATE\); zero point [\d.]+ \(ZP_AUTO\)/);
    for (const name of ['found.csv', 'found.png']) expect(out).toContain(`-> ${at(name)}\n`);
    const record = JSON.parse(readFileSync(at('found.csv.json'), 'utf8'));
    expect(record).toMatchObject({ stage: 'detect', outcome: 'done', origin: { image: 'flag', threshold_sigma: 'flag' } });
    const [header, ...rows] = readFileSync(at('found.csv'), 'utf8').trim().split('\n');
    expect(header).toMatch(/^ID,RA,DEC,x_px,y_px,/);
    expect(rows.length).toBe(record.counts.objects);
    expect(rows.length).toBeGreaterThan(30);
    const yaml = readFileSync(scene.config, 'utf8').replace(/input_catalog: .*/, `input_catalog: ${at('found.csv')}`);
    writeFileSync(at('scene/fit.yaml'), yaml);
    const fit = arclet('fit', 'validate', '--config', 'scene/fit.yaml');
    expect(fit, fit.err).toMatchObject({ status: 0, out: expect.stringContaining(`${rows.length} sources`) });
    expect(fit.err).not.toContain('warning');
  });

  it('takes its keys from a file as well, and lists them', () => {
    writeFileSync(at('detect.yaml'), `image: ${IMAGE}\nout: other.parquet\nthreshold_sigma: 5\n`);
    expect(arclet('detect', '--config', 'detect.yaml')).toMatchObject({ status: 0 });
    expect(existsSync(at('other.parquet'))).toBe(true);
    const { status, out } = arclet('detect', '--help');
    expect(status).toBe(0);
    for (const words of ['threshold_sigma', 'background_mesh_px', 'electrons per unit of the image', '--backend'])
      expect(out).toContain(words);
    expect(out).not.toContain('--shard');
  });

  it('ends with 2 for words and 3 for input', () => {
    expect(arclet('detect', IMAGE)).toMatchObject({ status: 2, err: expect.stringContaining('out: this key is missing') });
    expect(arclet('detect', IMAGE, '--out', 'a.csv', '--treshold-sigma', '3')).toMatchObject({
      status: 2,
      err: expect.stringContaining('did you mean --threshold-sigma?'),
    });
    expect(arclet('detect', IMAGE, 'more', '--out', 'a.csv')).toMatchObject({
      status: 2,
      err: expect.stringContaining('One word too many: more'),
    });
    expect(arclet('detect', 'nothing.fits', '--out', 'a.csv')).toMatchObject({
      status: 3,
      err: expect.stringContaining('nothing.fits'),
    });
    expect(existsSync(at('a.csv'))).toBe(false);
  });

  it('stops at SIGINT and leaves no table', async () => {
    const child = spawn(
      process.execPath,
      [MAIN, 'detect', IMAGE, '--out', 'stopped.csv', '--threshold-sigma', '0.6', '--minarea-px', '1'],
      {
        cwd: FOLDER,
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    );
    let told = '';
    child.stderr.setEncoding('utf8');
    child.stderr.on('data', (text: string) => {
      // The first line is that of the engine: measuring begins.
      if (told === '') child.kill('SIGINT');
      told += text;
    });
    const status = await new Promise((resolve) => child.on('close', resolve));
    expect({ status, told }).toEqual({ status: 1, told: expect.stringContaining('The run was stopped') });
    expect(existsSync(at('stopped.csv'))).toBe(false);
    expect(JSON.parse(readFileSync(at('stopped.csv.json'), 'utf8'))).toMatchObject({ outcome: 'aborted' });
  });
});
