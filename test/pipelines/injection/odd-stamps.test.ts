/** Stamps of 101 px: every stage takes them, and the lens is on its host. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { BANDS, madePlanes, writeBrick } from './bricks-made.ts';
import { hostsAt, momentsOf, type Row, rowsOf, runCampaign, surveyPixels, writeCampaign } from './campaign-support.ts';

const ROOT = mkdtempSync(join(tmpdir(), 'arclet-odd-'));
const BRICK = '0100p000';
const SIZE = 101;
/** Targets anywhere in their pixel, exact halves left out: there the ways of rounding differ. */
const PIXELS = Array.from({ length: 12 }, (_, index) => [60 + 16.13 * index, 61.4 + 15.37 * ((5 * index) % 12)] as const);
const HOSTS = hostsAt(BRICK, PIXELS).map((host, index) => ({
  ...host,
  region_id: index % 3,
  region_split: ['train', 'val', 'test'][index % 3],
  rmag: 19,
}));
const CONFIG = {
  custom_grid: { theta_e_arcsec: [1.5], src_dmag: [2], src_reff_arcsec: [0.2], src_e: [0.2], shear: [0.02] },
  planes: ['injected', 'host', 'arc', 'shuffled', 'unlensed'],
};

let rows: Row[] = [];
let outcomes: Record<string, { outcome: string }> = {};
beforeAll(async () => {
  await writeBrick(join(ROOT, 'bricks'), BRICK, madePlanes(1));
  const path = writeCampaign(ROOT, HOSTS, { stamp_sizes: [SIZE], replicates: 2, control_frac_train: 0.3, ...CONFIG });
  const stages = ['manifest', 'inject', 'check', 'audit', 'completeness', 'compact', 'report'];
  outcomes = (await runCampaign(path, { stages })).results;
  rows = await rowsOf(ROOT);
});

describe('stamps of an odd side', () => {
  it('go through every stage', () => {
    const { check: _, audit: __, ...others } = outcomes;
    for (const [name, { outcome }] of Object.entries(others)) expect([name, outcome]).toEqual([name, 'done']);
    expect(rows.length).toBe(24);
    for (const row of rows) expect(row).toMatchObject({ stamp_size: SIZE, cutout_ok: 1, failure: null });
  });

  it('begin at round(x) - 50, and hold the pixels of the survey', async () => {
    for (const row of rows.slice(0, 6)) {
      const [x, y] = [Number(row['stamp_x0']) + Number(row['host_x']), Number(row['stamp_y0']) + Number(row['host_y'])];
      expect(Number(row['stamp_x0'])).toBe(Math.round(x) - 50);
      expect(Number(row['stamp_y0'])).toBe(Math.round(y) - 50);
      expect(PIXELS.some(([px, py]) => Math.hypot(px - x, py - y) < 1e-6)).toBe(true);
      const survey = await surveyPixels(join(ROOT, 'bricks'), row, 'image-r');
      expect((row['host_r'] as Float32Array).every((value, at) => value === survey[at])).toBe(true);
    }
  });

  it('have the lens on the host to 0.01 px: a ring about it is centred there', async () => {
    const folder = join(ROOT, 'centred');
    // Observed everywhere: where it is not, a part of the ring is missing.
    const planes = madePlanes(1);
    for (const band of BANDS) planes[`invvar-${band}`].fill(9000);
    await writeBrick(join(folder, 'bricks'), BRICK, planes);
    const ring = { theta_e_arcsec: 1.5, src_dmag: 2, src_reff_arcsec: 0.3, src_x_arcsec: 0, src_y_arcsec: 0, lens_model: 'SIS', stamp_size: SIZE }; // biome-ignore format: one row
    const tasks = HOSTS.map((host, index) => ({ ...host, ...ring, task_id: `ring-${index}` }));
    await runCampaign(writeCampaign(folder, tasks, { stamp_sizes: [SIZE], planes: ['arc'] }));
    const rings = await rowsOf(folder);
    expect(rings.length).toBe(12);
    for (const row of rings) {
      const { x, y, sum } = momentsOf(row['arc_r'] as Float32Array, SIZE);
      expect(sum).toBeGreaterThan(0);
      expect(Math.hypot(x - Number(row['host_x']), y - Number(row['host_y']))).toBeLessThan(0.01);
    }
  });
});
