import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStoreOf } from '../../../src/io/store/store.ts';
import { fitsCompress } from '../../../src/pipelines/files/fits-compress.ts';
import { fitsCutout } from '../../../src/pipelines/files/fits-cutout.ts';
import { wcsFromHeader } from '../../../src/sky/wcs/index.ts';
import { type LocalS3, startLocalS3 } from '../../support/s3.ts';
import { at, fitsAt, imageOf, ramp, tangent } from './support.ts';

const image = await fitsAt('sky.fits', [
  { kind: 'empty', cards: [{ keyword: 'TELESCOP', value: 'none' }] },
  { kind: 'image', name: 'SCI', shape: [200, 300], data: ramp(60000), unit: 'Jy', cards: tangent(150.5, 100.5) },
]);
await fitsCompress(image, at('sky.fits.fz'), { tileShape: [50, 50] });

describe('a cutout', () => {
  it('is the pixels of its box, at the same place on the sky', async () => {
    const [report] = await fitsCutout([image], { box: { x0: 20, y0: 30, width: 40, height: 10 }, out: at('box.fits') });
    expect(report).toMatchObject({ hdu: 1, name: 'SCI', box: { x0: 20, y0: 30, width: 40, height: 10 }, tiles: 0, notes: [] });
    expect(report.bytes).toBeLessThan(report.fileBytes / 2);
    const cut = await imageOf(at('box.fits'));
    expect(cut).toMatchObject({ shape: [10, 40], dtype: 'float32', type: 'PRIMARY', count: 1 });
    expect(Array.from({ length: 10 }, (_, y) => cut.data[y * 40])).toEqual(
      Array.from({ length: 10 }, (_, y) => 300 * (30 + y) + 20),
    );
    expect(cut.header.get('BUNIT')).toBe('Jy');
    const [whole, part] = [wcsFromHeader((await imageOf(image, 1)).header), wcsFromHeader(cut.header)];
    expect(part.pixelToWorld(3, 4)).toEqual(whole.pixelToWorld(23, 34));
  });

  it('decodes only the tiles that it touches', async () => {
    const box = { x0: 45, y0: 60, width: 10, height: 10 };
    const [report] = await fitsCutout([at('sky.fits.fz')], { box, out: at('tiles.fits') });
    expect(report).toMatchObject({ tiles: 2, dtype: 'float32' });
    await fitsCutout([image], { box, out: at('plain.fits') });
    expect((await imageOf(at('tiles.fits'))).data).toEqual((await imageOf(at('plain.fits'))).data);
  });

  it('is centred on a place, with its sides in whole pixels, and trimmed at the edge', async () => {
    // Pixel (149.5, 99.5) from 0 is (150, 2): four pixels around it are 148 .. 151.
    const [middle] = await fitsCutout([image], { box: { raDeg: 150, decDeg: 2, sizeArcsec: 4 }, out: at('middle.fits') });
    expect(middle.box).toEqual({ x0: 148, y0: 98, width: 4, height: 4 });
    const [edge] = await fitsCutout([image], { box: { x0: -5, y0: 195, width: 10, height: 10 }, out: at('edge.fits') });
    expect(edge.box).toEqual({ x0: 0, y0: 195, width: 5, height: 5 });
    expect(edge.notes).toEqual([expect.stringContaining('trimmed to 5 x 5 at (0, 195)')]);
    for (const box of [
      { x0: 300, y0: 0, width: 5, height: 5 },
      { raDeg: 151, decDeg: 2, sizeArcsec: 4 },
      { raDeg: 330, decDeg: -2, sizeArcsec: 4 },
    ])
      await expect(fitsCutout([image], { box, out: at('none.fits') })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });

  it('keeps stored integers and what they mean', async () => {
    const scaled = await fitsAt('scaled.fits', [
      {
        kind: 'image',
        shape: [2, 4],
        data: Int16Array.of(0, 1, 2, -32768, 4, 5, 6, 7),
        cards: [
          { keyword: 'BSCALE', value: 0.25 },
          { keyword: 'BZERO', value: 100 },
          { keyword: 'BLANK', value: -32768 },
        ],
      },
    ]);
    await fitsCutout([scaled], { box: { x0: 2, y0: 0, width: 2, height: 2 }, out: at('scaled-cut.fits') });
    const { data, header } = await imageOf(at('scaled-cut.fits'));
    expect([...data]).toEqual([100.5, Number.NaN, 101.5, 101.75]);
    expect(['BITPIX', 'BSCALE', 'BZERO', 'BLANK'].map((key) => header.get(key))).toEqual([16, 0.25, 100, -32768]);
  });

  it('is a picture of one file or three, y up', async () => {
    const [width, height] = [30, 20];
    await fitsCutout([image, image, image], { box: { x0: 0, y0: 0, width, height }, out: at('rgb.png') });
    await fitsCutout([image], { box: { x0: 0, y0: 0, width, height }, out: at('gray.png') });
    for (const [name, colour] of [
      ['rgb.png', 2],
      ['gray.png', 0],
    ] as const) {
      // biome-ignore format: a table
      const png = new DataView(new Uint8Array(readFileSync(at(name))).buffer);
      expect([png.getUint32(16), png.getUint32(20), png.getUint8(25)]).toEqual([width, height, colour]);
    }
    const box = { x0: 0, y0: 0, width, height };
    await expect(fitsCutout([image, image], { box, out: at('two.png') })).rejects.toMatchObject({ code: 'USAGE' });
    await expect(fitsCutout([image], { box, out: at('x.tiff') })).rejects.toMatchObject({ code: 'USAGE' });
  });
});

describe('a cutout from S3', () => {
  let server: LocalS3;
  const before = { ...process.env };
  beforeAll(async () => {
    server = await startLocalS3('survey');
    process.env['AWS_ENDPOINT_URL'] = server.options.endpoint;
    process.env['AWS_ACCESS_KEY_ID'] = 'S3RVER';
    process.env['AWS_SECRET_ACCESS_KEY'] = 'S3RVER';
  });
  afterAll(async () => {
    process.env = before;
    await server.close();
  });

  it('reads and writes addresses as it does paths', async () => {
    const { store } = await openStoreOf('s3://survey/sky.fits.fz');
    await store.put('sky.fits.fz', readFileSync(at('sky.fits.fz')));
    const box = { x0: 45, y0: 60, width: 10, height: 10 };
    const [report] = await fitsCutout(['s3://survey/sky.fits.fz'], { box, out: 's3://survey/cut/tiles.fits' });
    expect(report.tiles).toBe(2);
    await fitsCutout([at('sky.fits.fz')], { box, out: at('local.fits') });
    expect(Buffer.from(await store.get('cut/tiles.fits'))).toEqual(readFileSync(at('local.fits')));
    await store.close();
  });
});
