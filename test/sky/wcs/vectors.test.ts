/** Every header of the reference vectors: forward within 1e-6 arcsec of astropy, round trip within 1e-6 pixels. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { footprint, POINT_OK, parseHeaderText, planePixelAreaDeg2, wcsFromHeader } from '../../../src/sky/wcs/index.ts';
import { hasShared, shared } from '../../support/shared.ts';
import { type Header, separationArcsec, thrown } from './support.ts';

interface VectorCase {
  name: string;
  header: Header;
  x: number[];
  y: number[];
  ra: (number | null)[];
  dec: (number | null)[];
  pixel_area_deg2?: number;
  footprint_radec?: [number, number][];
}

function load(rel: string): VectorCase[] {
  if (!hasShared) return [];
  // Python writes NaN where a point is outside the projection.
  const parsed = JSON.parse(readFileSync(shared(rel), 'utf8').replace(/\bNaN\b/g, 'null'));
  const cases = (Array.isArray(parsed) ? parsed : parsed.cases) as Record<string, unknown>[];
  return cases.map((c) => ({ ...c, x: c['x0'] ?? c['px'], y: c['y0'] ?? c['py'] })) as unknown as VectorCase[];
}

describe.skipIf(!hasShared)('reference vectors (../shared/vectors; skipped where absent)', () => {
  for (const rel of ['vectors/wcs/cases.json', 'vectors/archive/wcs_cases.json']) {
    for (const { name, header, x, y, ra, dec } of load(rel)) {
      it(`${rel.split('/').slice(1).join('/')} ${name}`, () => {
        const wcs = wcsFromHeader(header);
        const sky = wcs.pixelsToWorld(Float64Array.from(x), Float64Array.from(y));
        const back = wcs.worldToPixels(sky.lonDeg, sky.latDeg);
        let worst = 0;
        let worstPixel = 0;
        for (let k = 0; k < x.length; k++) {
          expect(Number.isNaN(sky.lonDeg[k])).toBe(ra[k] === null);
          if (ra[k] === null) continue;
          worst = Math.max(worst, separationArcsec(sky.lonDeg[k], sky.latDeg[k], ra[k]!, dec[k]!));
          worstPixel = Math.max(worstPixel, Math.hypot(back.x[k] - x[k], back.y[k] - y[k]));
        }
        expect(worst).toBeLessThan(1e-6);
        expect(worstPixel).toBeLessThan(1e-6);
        expect(x.length).toBeGreaterThan(40);
      });
    }
  }

  it('pixel area and outline through the centres are those of astropy', () => {
    let outlines = 0;
    for (const { name, header, pixel_area_deg2, footprint_radec } of load('vectors/wcs/cases.json')) {
      const wcs = wcsFromHeader(header);
      expect(planePixelAreaDeg2(wcs) / pixel_area_deg2!, name).toBeCloseTo(1, 12);
      if (!footprint_radec || footprint_radec.some((corner) => corner.some((value) => value === null))) continue;
      const polygon = footprint(wcs, { at: 'centres' });
      // astropy goes the other way round.
      [0, 3, 2, 1].forEach((theirs, ours) => {
        const [ra, dec] = footprint_radec[theirs];
        expect(separationArcsec(polygon.lonDeg[ours], polygon.latDeg[ours], ra, dec), name).toBeLessThan(1e-6);
      });
      outlines++;
    }
    expect(outlines).toBeGreaterThanOrEqual(12);
  });

  it('a bare text header means the same as its record', () => {
    const text = readFileSync(shared('vectors/wcs/tan_sip.hdr'), 'latin1');
    const fromText = wcsFromHeader(parseHeaderText(text));
    const fromRecord = wcsFromHeader(load('vectors/wcs/cases.json').find((c) => c.name === 'tan_sip')!.header);
    // The text has fewer digits.
    expect(separationArcsec(...fromText.pixelToWorld(17, 900), ...fromRecord.pixelToWorld(17, 900))).toBeLessThan(1e-6);
  });

  it('every text header of the corpus goes out and back, or is one of the three that are refused', () => {
    const folder = shared('data/g_fits_wcs/astropy-wcs/');
    const refused: string[] = [];
    let points = 0;
    for (const name of (readdirSync(folder, { recursive: true }) as string[]).filter((file) => file.endsWith('.hdr')).sort()) {
      const header = parseHeaderText(readFileSync(folder + name, 'latin1'));
      const { code, subject } = thrown(() => wcsFromHeader(header));
      if (code === 'INPUT_INVALID') refused.push(`${name.split('/').pop()} ${subject}`);
      if (code !== 'nothing thrown') continue;
      const wcs = wcsFromHeader(header);
      const pixels = wcs.shape.map((length, axis) =>
        Float64Array.from({ length: 50 }, (_, k) => ((k * (0.618 + 0.1 * axis)) % 1) * (length || 100)),
      );
      const world = wcs.pixelToWorldAll(pixels);
      const back = wcs.worldToPixelAll(world.columns);
      for (let k = 0; k < 50; k++) {
        if (world.status[k] !== POINT_OK) continue;
        points++;
        pixels.forEach((column, axis) => {
          expect(Math.abs(back.columns[axis][k] - column[k]), name).toBeLessThan(1e-6);
        });
      }
    }
    expect(refused).toEqual(['chandra-pixlist-wcs.hdr NAXIS', '1904-66_CSC.hdr CTYPE2', 'nonstandard_units.hdr CUNIT2']);
    expect(points).toBeGreaterThan(1500);
  });
});
