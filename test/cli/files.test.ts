/** The file commands through the shell: what is printed, and the exit status. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { jsonText } from '../../src/cli/json.ts';
import { at, fitsAt, ramp, tangent, textAt } from '../pipelines/files/support.ts';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

function arclet(...args: string[]): { status: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8', timeout: 60_000 });
  return { status, out: stdout, err: stderr };
}

const image = await fitsAt('cli.fits', [
  { kind: 'empty' },
  { kind: 'image', name: 'SCI', shape: [20, 30], data: ramp(600), unit: 'Jy', cards: tangent(15.5, 10.5) },
  { kind: 'table', name: 'CAT', columns: [{ name: 'ra', unit: 'deg', values: Float64Array.of(1, 2) }] },
]);

describe('arclet fits', () => {
  it('prints statistics as one JSON array', () => {
    const { status, out, err } = arclet('fits', 'stats', image, '--json');
    expect({ status, err }).toEqual({ status: 0, err: '' });
    const hdus = JSON.parse(out) as Record<string, unknown>[];
    expect(hdus.length).toBe(3);
    expect(hdus[1]).toEqual({
      index: 1,
      name: 'SCI',
      type: 'IMAGE',
      shape: [20, 30],
      dtype: 'float32',
      unit: 'Jy',
      n: 600,
      finite: 600,
      nan: 0,
      min: 0,
      max: 599,
      mean: 299.5,
    });
    expect(hdus[2]).toMatchObject({ rows: 2, columns: [{ name: 'ra', format: '1D', unit: 'deg', min: 1, max: 2 }] });
  });

  it('says what a cutout touched, and verifies what it wrote', () => {
    const cut = arclet('fits', 'cutout', image, '--ra', '150', '--dec', '2', '--size-arcsec', '6', '--out', at('cli-cut.fits'));
    expect(cut).toMatchObject({ status: 0, err: '' });
    expect(cut.out).toMatch(/cli.fits\[1 SCI\] 6 x 6 float32 at \(12, 7\): \d+ of \d+ bytes in \d+ reads, 0 tiles\n$/);
    expect(arclet('fits', 'verify', at('cli-cut.fits'))).toMatchObject({ status: 0, out: expect.stringContaining('sound') });
    const bytes = readFileSync(at('cli-cut.fits'));
    bytes[2880 + 10] ^= 1;
    writeFileSync(at('flipped.fits'), bytes);
    expect(arclet('fits', 'verify', at('flipped.fits'))).toMatchObject({ status: 1, out: expect.stringContaining('wrong') });
  });

  it('ends with 3 for input and 2 for words', () => {
    expect(arclet('fits', 'stats', at('none.fits'))).toMatchObject({ status: 3, err: expect.stringContaining('no such file') });
    expect(arclet('fits', 'info', textAt('text.fits', 'SIMPLE'))).toMatchObject({ status: 3 });
    writeFileSync(at('short.fits'), readFileSync(image).subarray(0, 7000));
    const short = arclet('fits', 'stats', at('short.fits'), '--json');
    expect(short.status).toBe(3);
    expect((JSON.parse(short.out) as object[])[1]).toMatchObject({ n: null, error: expect.stringContaining('truncated') });
    writeFileSync(at('shorter.fits'), readFileSync(image).subarray(0, 9000));
    // Cut within the header of the table: what is sound is shown, and that something is missing.
    const shorter = arclet('fits', 'stats', at('shorter.fits'), '--json');
    expect({ status: shorter.status, hdus: (JSON.parse(shorter.out) as object[]).length }).toEqual({ status: 3, hdus: 2 });
    for (const args of [
      ['--box', '0,0,4'],
      ['--ra', '1', '--dec', '2'],
      ['--box', '0,0,4,4', '--ra', '1'],
    ])
      expect(arclet('fits', 'cutout', image, ...args, '--out', at('wrong.fits')).status, args.join(' ')).toBe(2);
    expect(existsSync(at('wrong.fits'))).toBe(false);
    expect(arclet('fits', 'cut', image)).toMatchObject({ status: 2, err: expect.stringContaining('(see arclet fits --help)') });
  });
});

describe('arclet wcs', () => {
  it('answers with points, null where there is none', () => {
    const points = textAt('cli.csv', 'ra,dec\n150,2\n330,-2\n');
    const { status, out } = arclet('wcs', image, '--sky2pix', points, '--json');
    expect(status).toBe(0);
    expect(JSON.parse(out)).toEqual({ points: [[expect.closeTo(14.5, 9), expect.closeTo(9.5, 9)], null] });
    expect(arclet('wcs', image, '--sky2pix', points).out).toMatch(/^x,y\n14\.\d+,9\.\d+\n,\n$/);
    expect(arclet('wcs', image).status).toBe(2);
    expect(arclet('wcs', image, '--hdu', '2', '--sky2pix', points).status).toBe(3);
  });
});

describe('arclet table', () => {
  it('shows and converts', () => {
    expect(arclet('table', 'head', image, '--json')).toMatchObject({ status: 0, out: '[{"ra":1},{"ra":2}]\n' });
    expect(arclet('table', 'schema', image).out).toMatch(/ra +float64 +deg/);
    expect(arclet('table', 'convert', image, '--out', at('cli.csv.csv'))).toMatchObject({ status: 0, err: '' });
    expect(readFileSync(at('cli.csv.csv'), 'utf8')).toBe('ra\n1\n2\n');
    expect(arclet('table', 'convert', image, '--out', at('cli.doc')).status).toBe(2);
  });
});

describe('JSON', () => {
  it('keeps the digits of integers, and floats floats', () => {
    expect(jsonText([2n ** 63n, 2 ** 63, 1.5, Number.NaN, 7])).toBe('[9223372036854775808,9.223372036854776e+18,1.5,null,7]');
  });
});
