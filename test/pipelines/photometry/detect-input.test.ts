/** `arclet detect` as a stage: places, and what it refuses. */
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { writeFits } from '../../../src/io/fits/node.ts';
import { getObject, putObject } from '../../../src/pipelines/photometry/places.ts';
import { at, detect, FIELD, HEIGHT, image, WIDTH } from '../../support/detect-field.ts';
import { startLocalS3 } from '../../support/s3.ts';

/** S3 on this machine. */
async function withS3(use: () => Promise<void>): Promise<void> {
  const server = await startLocalS3('survey');
  const before = { ...process.env };
  process.env['AWS_ENDPOINT_URL'] = server.options.endpoint;
  process.env['AWS_ACCESS_KEY_ID'] = process.env['AWS_SECRET_ACCESS_KEY'] = 'S3RVER';
  try {
    await use();
  } finally {
    process.env = before;
    await server.close();
  }
}

describe('arclet detect: places and what it refuses', () => {
  it('refuses what is no image, and maps of another shape', async () => {
    const nan = await image('nan.fits', new Float32Array(WIDTH * HEIGHT).fill(Number.NaN));
    await image('small.fits', new Float32Array(20), [], [4, 5]);
    await image('ones.fits', new Float32Array(WIDTH * HEIGHT).fill(1));
    await image('cube.fits', new Float32Array(24), [], [2, 3, 4]);
    await writeFits(at('table.fits'), [
      { kind: 'empty' },
      { kind: 'table', columns: [{ name: 'a', values: Float64Array.of(1) }] },
    ]);
    writeFileSync(at('short.fits'), readFileSync(FIELD).subarray(0, 60_000));
    const out = 'bad.csv';
    for (const [flags, why] of [
      [{ image: nan, out }, /no pixel of 52000 can be used: 52000 are not finite/],
      [{ mask: 'ones.fits', out }, /no pixel .* 51999 masked/],
      [{ mask: 'small.fits', out }, /small.fits has 5 x 4 pixels, the image .*field.fits 260 x 200/],
      [{ invvar: 'small.fits', out }, /has 5 x 4 pixels/],
      [{ image: at('cube.fits'), out }, /shape \[2,3,4\]/],
      [{ image: at('table.fits'), out }, /holds no image/],
      [{ image: at('short.fits'), out }, /ends before its last pixel/],
      [{ image: at('nowhere.fits'), out }, /nowhere.fits/],
      [{ image: at('small.fits'), out, aperture_radius_arcsec: '2' }, /no WCS that says how large an arcsec is/],
      [{ out: 'bad.xyz' }, /ending '.xyz'/],
    ] as const)
      await expect(detect(flags), JSON.stringify(flags)).rejects.toThrow(why);
    for (const name of [out, 'bad.xyz.json']) expect(() => readFileSync(at(name)), name).toThrow(/ENOENT/);
    expect(JSON.parse(readFileSync(at('bad.csv.json'), 'utf8'))).toMatchObject({ outcome: 'error' });
  });

  it('refuses keys that exclude each other and files in one place', async () => {
    for (const [flags, why] of [
      [{ out: 'a.csv', invvar: 'a.fits', sigma_map: 'b.fits' }, /both given/],
      [{ out: 'a.csv', kernel_fwhm_px: '2', kernel_file: 'b.conv' }, /both given/],
      [{ out: 'a.csv', background: 'x.fits', segmentation: 'x.fits' }, /named twice, as background and segmentation/],
      [{ out: 'field.fits' }, /named twice, as image and out/],
      [{ out: 'a.fits', mask: 'a.fits' }, /named twice, as out and mask/],
      [{ out: 'a.csv', picture: 'p.jpg' }, /does not end in .png/],
      [{ out: 'a.csv', threshold: '-1' }, /threshold_sigma/],
      [{ out: 'a.csv', aperture_radius_px: '3,x' }, /aperture_radius_px/],
      [{}, /out: this key is missing/],
    ] as const)
      await expect(detect(flags), JSON.stringify(flags)).rejects.toThrow(why);
  });

  it('reads and writes s3:// as it does paths', async () => {
    await detect({ out: 'local.csv', segmentation: 'local.fits' });
    await withS3(async () => {
      await putObject('s3://survey/field.fits', readFileSync(FIELD));
      const { record } = await detect({
        image: 's3://survey/field.fits',
        out: 's3://survey/out/found.csv',
        segmentation: 's3://survey/out/found.fits',
      });
      expect(record).toMatchObject({ outcome: 'done', inputs: [{ path: 's3://survey/field.fits' }] });
      expect(Buffer.from(await getObject('s3://survey/out/found.csv'))).toEqual(readFileSync(at('local.csv')));
      expect(Buffer.from(await getObject('s3://survey/out/found.fits'))).toEqual(readFileSync(at('local.fits')));
    });
  });

  it('stops at a signal and leaves no table', async () => {
    const controller = new AbortController();
    const stopped = detect({ out: 'stopped.csv' }, controller.signal);
    controller.abort();
    await expect(stopped).rejects.toMatchObject({ code: 'ABORTED' });
    expect(() => readFileSync(at('stopped.csv'))).toThrow(/ENOENT/);
  });
});
