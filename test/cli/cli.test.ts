import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readNpz } from '../../src/io/npz.ts';
import { exampleRows } from '../support/example-rows.ts';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'arclet-cli-'));
const rows = join(folder, 'rows.json');
writeFileSync(rows, JSON.stringify(exampleRows()));

function arclet(...args: string[]): { status: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8', timeout: 60_000 });
  return { status, out: stdout, err: stderr };
}

const render = (out: string, ...more: string[]) =>
  arclet('render', rows, '--out', join(folder, out), '--backend', 'cpu', '--workers', '0', ...more);

describe('arclet render', () => {
  it('writes the named arrays, and the maps when asked', async () => {
    expect(render('plain.npz')).toMatchObject({ status: 0, out: '' });
    const plain = await readNpz(join(folder, 'plain.npz'));
    const stamps = ['lensed', 'convolved', 'unlensed'];
    expect(Object.keys(plain)).toEqual([...stamps, 'flux_err']);
    for (const name of stamps) expect(plain[name].shape).toEqual([1, 3, 64, 64]);
    expect(plain['flux_err'].shape).toEqual([1]);
    // The unlensed source has the flux that the file gives it.
    const band = (name: string, index: number) => (plain[name].data as Float64Array).subarray(4096 * index, 4096 * (index + 1));
    const sum = (values: Float64Array) => values.reduce((a, b) => a + b, 0);
    expect(sum(band('unlensed', 0))).toBeCloseTo(1, 3);
    expect(sum(band('lensed', 0))).toBeGreaterThan(5);
    // Band z has no PSF.
    expect(band('convolved', 2)).toEqual(band('lensed', 2));
    expect(band('convolved', 0)).not.toEqual(band('lensed', 0));

    expect(render('maps.npz', '--maps').status).toBe(0);
    const maps = await readNpz(join(folder, 'maps.npz'));
    const added = Object.keys(maps).filter((name) => !(name in plain));
    expect(added).toEqual(['alpha_x', 'alpha_y', 'kappa', 'gamma1', 'gamma2', 'magnification']);
    for (const name of added) expect(maps[name].shape).toEqual([1, 64, 64]);
  });

  it('writes FITS and PNG by the ending of the path', () => {
    expect(render('stamps.fits').status).toBe(0);
    const fits = readFileSync(join(folder, 'stamps.fits'));
    expect(fits.length % 2880).toBe(0);
    for (const name of ['LENSED', 'CONVOLVED', 'UNLENSED', 'FLUX_ERR'])
      expect(fits.includes(`EXTNAME = '${name.padEnd(8)}'`)).toBe(true);
    expect(render('stamps.png').status).toBe(0);
    expect(readFileSync(join(folder, 'stamps.png')).subarray(1, 4).toString()).toBe('PNG');
  });

  it('lists every key of the rows file in its help', () => {
    const { status, out } = arclet('render', '--help');
    expect(status).toBe(0);
    for (const key of ['theta_e_convention', 'core_arcsec', 'kappa_s', 'r_eff_convention', 'size_semantics', 'pixscale_arcsec'])
      expect(out).toContain(key);
    expect(out).toMatch(/beta +default 3.5; exponent/);
  });
});

describe('exit status and messages', () => {
  it('2 for wrong words, and nothing is written', () => {
    for (const args of [
      [],
      ['--frobnicate'],
      ['rendr'],
      ['render', rows],
      ['render', rows, '--out', 'x.npz', '--backend', 'tpu'],
      ['render', rows, '--out', 'x.npz', '--convolve-oversample', '5'],
    ]) {
      expect(arclet(...args).status, args.join(' ')).toBe(2);
    }
    const wrong = render('x.jpg');
    expect(wrong).toMatchObject({ status: 2, err: expect.stringMatching(/ending '.jpg', there are .npz, .fits, .png/) });
    expect(existsSync(join(folder, 'x.jpg'))).toBe(false);
  });

  it('3 for input that cannot be used, with the sentence and the remedy and no stack', () => {
    const file = exampleRows() as unknown as { rows: { lens: Record<string, unknown> }[] };
    file.rows[0].lens['axis_ratio'] = 0.5;
    writeFileSync(join(folder, 'bad.json'), JSON.stringify(file));
    const bad = arclet('render', join(folder, 'bad.json'), '--out', join(folder, 'bad.npz'));
    expect(bad.status).toBe(3);
    expect(bad.err).toMatch(/^arclet: .*bad.json: rows\[0\].lens: unknown key 'axis_ratio', did you mean '.*'\?/);
    expect(bad.err).toContain('arclet render --help');
    expect(bad.err).not.toMatch(/^ +at /m);
    expect(arclet('render', join(folder, 'none.json'), '--out', join(folder, 'x.npz'), '--debug')).toMatchObject({
      status: 3,
      err: expect.stringMatching(/there is no such file[\s\S]*^ +at [\s\S]*caused by/m),
    });
  });

  it('4 for an adapter that does not exist', () => {
    const missing = arclet('render', rows, '--out', join(folder, 'x.npz'), '--adapter', 'no such adapter');
    expect(missing).toMatchObject({ status: 4, err: expect.stringContaining("no adapter is called 'no such adapter'") });
  });

  it('logs NDJSON with --log-json, errors included', () => {
    const lines = (text: string) => text.trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>); // biome-ignore format: one chain
    expect(lines(render('log.npz', '--log-json').err).map(({ event }) => event)).toEqual(['opened', 'plan', 'written']);
    const [error] = lines(arclet('render', join(folder, 'none.json'), '--out', 'x.npz', '--log-json').err);
    expect(error).toMatchObject({ level: 'error', event: 'INPUT_UNREADABLE', subject: join(folder, 'none.json') });
  });
});
