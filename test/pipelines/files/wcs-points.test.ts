import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { transformPoints } from '../../../src/pipelines/files/wcs-points.ts';
import { hasShared, shared } from '../../support/shared.ts';
import { at, fitsAt, ramp, tangent, textAt } from './support.ts';

const image = await fitsAt('wcs.fits', [
  { kind: 'empty' },
  { kind: 'image', name: 'MASK', shape: [2, 2], data: new Uint8Array(4) },
  { kind: 'image', name: 'SCI', shape: [4, 4], data: ramp(16), cards: tangent(2, 3) },
]);

/** Where {@link tangent} puts its reference pixel. */
const CENTRE = [expect.closeTo(150, 12), expect.closeTo(2, 12)];

describe('points', () => {
  it('go to the sky and back by the first image that has celestial axes', async () => {
    const pixels = textAt('pixels.csv', 'name,X,Y\na,1,2\nb,,2\nc,3,0\n');
    const sky = await transformPoints({ location: image, points: pixels, direction: 'pix2sky' });
    expect(sky.points[0]).toEqual(CENTRE);
    expect(sky.points[1]).toBeNull();
    const [ra, dec] = sky.points[2] ?? [];
    const places = textAt('places.csv', `RA,Dec\n${ra},${dec}\n330,-2\n`);
    const back = await transformPoints({ location: image, points: places, direction: 'sky2pix' });
    expect(back.points[0]?.[0]).toBeCloseTo(3, 9);
    expect(back.points[0]?.[1]).toBeCloseTo(0, 9);
    // The far side of the sky has no place in a tangent plane.
    expect(back.points[1]).toBeNull();
  });

  it('take a bare header, in lines or in cards of 80 characters', async () => {
    const points = textAt('one.csv', 'x,y\n1,2\n');
    const cards = tangent(2, 3).map(
      ({ keyword, value }) => `${keyword.padEnd(8)}= ${typeof value === 'string' ? `'${value}'` : value}`,
    );
    for (const [
      name,
      text,
    ] of [['lines.hdr', cards.join('\n')], ['cards.hdr', cards.map((card) => card.padEnd(80)).join('')]] as const) // biome-ignore format: a table
      expect((await transformPoints({ location: textAt(name, text), points, direction: 'pix2sky' })).points).toEqual([CENTRE]);
  });

  it('say what is missing', async () => {
    const points = textAt('ab.csv', 'a,b\n1,2\n');
    const fails = (request: object) =>
      expect(transformPoints({ location: image, points, direction: 'pix2sky', ...request })).rejects;
    await fails({}).toMatchObject({ code: 'INPUT_INVALID', message: expect.stringContaining("columns 'x'") });
    await fails({ direction: 'sky2pix' }).toMatchObject({ code: 'INPUT_INVALID' });
    await fails({ hdu: 'MASK', points: textAt('xy.csv', 'x,y\n0,0\n') }).toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringContaining('no celestial pair'),
    });
    await fails({ location: at('none.fits') }).toMatchObject({ code: 'INPUT_UNREADABLE' });
  });

  it.skipIf(!hasShared)('agree with wcslib for every shared header (skipped without ../shared)', async () => {
    interface Case { name: string; x0: number[]; y0: number[]; ra: (number | null)[]; dec: (number | null)[] } // biome-ignore format: a record
    const { cases } = JSON.parse(readFileSync(shared('vectors/wcs/cases.json'), 'utf8')) as { cases: Case[] };
    expect(cases.length).toBeGreaterThan(15);
    let worstArcsec = 0;
    for (const { name, x0, y0, ra, dec } of cases) {
      const points = textAt('shared.csv', ['x,y', ...x0.map((x, index) => `${x},${y0[index]}`)].join('\n'));
      const answer = await transformPoints({ location: shared(`vectors/wcs/${name}.hdr`), points, direction: 'pix2sky' });
      for (const [index, point] of answer.points.entries()) {
        expect(point === null, `${name} ${index}`).toBe(ra[index] === null);
        if (point === null) continue;
        const east = ((point[0] - (ra[index] as number) + 540) % 360) - 180;
        const offset = Math.hypot(east * Math.cos((point[1] * Math.PI) / 180), point[1] - (dec[index] as number));
        worstArcsec = Math.max(worstArcsec, 3600 * offset);
      }
    }
    expect(worstArcsec).toBeLessThan(1e-6);
  });
});
