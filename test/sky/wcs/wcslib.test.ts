/**
 * Poles, fiducial points, old forms, every projection and spectral code against wcslib: fixtures/wcslib.json, made with astropy 8.0.2 by
 * `w = WCS(Header(case.header)); w.all_pix2world(pixels.T, 0)` (wcs_pix2world where there are three axes) at random pixels.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { wcsFromHeader } from '../../../src/sky/wcs/index.ts';
import { type Header, separationArcsec, thrown } from './support.ts';

interface Case {
  name: string;
  header: Header;
  pixels: number[][];
  world: (number | null)[][];
  refused?: boolean;
}

const { cases } = JSON.parse(readFileSync(new URL('./fixtures/wcslib.json', import.meta.url), 'utf8')) as { cases: Case[] };

describe('agrees with wcslib', () => {
  for (const { name, header, pixels, world, refused } of cases) {
    if (refused) {
      it(`${name} is refused`, () =>
        expect(thrown(() => wcsFromHeader(header))).toMatchObject({ code: 'INPUT_INVALID', subject: 'LONPOLE' }));
      continue;
    }
    it(name, () => {
      const wcs = wcsFromHeader(header);
      const { lonAxis, latAxis } = wcs.celestial!;
      const found = wcs.pixelToWorldAll(pixels.map((column) => Float64Array.from(column)));
      const back = wcs.worldToPixelAll(found.columns);
      for (let k = 0; k < pixels[0].length; k++) {
        for (let i = 0; i < pixels.length; i++) {
          expect(Number.isNaN(found.columns[i][k])).toBe(world[i][k] === null);
          if (world[i][k] === null) continue;
          if (i !== lonAxis && i !== latAxis) expect(Math.abs(found.columns[i][k] / world[i][k]! - 1)).toBeLessThan(1e-12);
          expect(Math.abs(back.columns[i][k] - pixels[i][k])).toBeLessThan(1e-6);
        }
        if (world[lonAxis][k] === null) continue;
        expect(
          separationArcsec(found.columns[lonAxis][k], found.columns[latAxis][k], world[lonAxis][k]!, world[latAxis][k]!),
        ).toBeLessThan(1e-6);
      }
    });
  }
});
