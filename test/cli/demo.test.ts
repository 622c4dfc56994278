/** `arclet demo survey` and `demo scene` through the shell. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const ROOT = mkdtempSync(join(tmpdir(), 'arclet-demo-cli-'));
afterAll(() => rmSync(ROOT, { recursive: true }));

function arclet(...args: string[]): { status: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8', timeout: 60_000 });
  return { status, out: stdout, err: stderr };
}

describe('arclet demo survey', () => {
  const small = ['demo', 'survey', '--bricks', '1', '--size', '400', '--targets-per-brick', '5', '--seed', '3'];

  it('makes a survey, says what to run next, and keeps it', () => {
    const folder = join(ROOT, 'survey');
    const first = arclet(...small, '--out', folder);
    expect(first).toMatchObject({ status: 0, err: '' });
    expect(first.out).toMatch(/^1 bricks \(0 were there\), \d+ sources, 5 targets, \d+ MB in /);
    expect(first.out).toContain(`arclet inject run --config ${join(folder, 'inject.yaml')}`);
    for (const name of ['targets.csv', 'truth.parquet', 'inject.yaml', 'preview.png', 'survey.json', 'bricks/035/0359m045'])
      expect(existsSync(join(folder, name))).toBe(true);
    const second = arclet(...small, '--out', folder, '--json');
    expect(JSON.parse(second.out)).toMatchObject({ bricks: ['0359m045'], kept: 1, targets: 5 });
  });

  it('ends with 2 for words that make no survey', () => {
    expect(arclet('demo', 'survey')).toMatchObject({ status: 2, err: expect.stringContaining('--out') });
    expect(arclet(...small, '--out', ROOT, '--size', '4000')).toMatchObject({
      status: 2,
      err: expect.stringContaining('400 to 3600'),
    });
    expect(arclet(...small, '--out', ROOT, '--bricks', '0')).toMatchObject({ status: 2 });
  });
});

describe('arclet demo scene', () => {
  it('makes a field that fit takes, from its images to its effective PSFs', () => {
    const folder = join(ROOT, 'scene');
    expect(arclet('demo', 'scene', '--out', folder, '--bands', '2', '--size', '512')).toMatchObject({ status: 0, err: '' });
    for (const name of [
      'images.txt',
      'catalogue.csv',
      'gaia_xp.csv',
      'truth.parquet',
      'config.yaml',
      'scene.json',
      'preview.png',
    ])
      expect(existsSync(join(folder, name))).toBe(true);
    const config = join(folder, 'config.yaml');
    expect(arclet('fit', 'validate', '--config', config)).toMatchObject({ status: 0 });
    expect(arclet('fit', 'run-epsf', '--config', config, '--workers', '1')).toMatchObject({ status: 0 });
    for (const name of ['fit/white.fits', 'fit/wcs.fits', 'fit/EPSFs/epsf_summary.json', 'fit/EPSFs/index.html'])
      expect(existsSync(join(folder, name))).toBe(true);
  });
});
