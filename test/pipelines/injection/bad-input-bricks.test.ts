/** Bricks and targets as a hostile user has them: a tagged error before any work, or a row with its reason. Nothing is lost. */
import { existsSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { damageTile, madePlanes, type PlaneData, SIDE, writeBrick } from './bricks-made.ts';
import { filesBelow, hostsAt, type Row, rowsBelow, rowsOf, runCampaign, writeCampaign } from './campaign-support.ts';
import type { TableRow } from './manifest-support.ts';

const ROOT = mkdtempSync(join(tmpdir(), 'arclet-bad-'));
const [GOOD, BAD] = ['0100p000', '0200m100'];
const TRAIN = { region_split: 'train', region_id: 1 };
/** Three hosts in each of two bricks, where both map and mask are plain. */
const PLACES: [number, number][] = [[70, 60], [120.4, 110.7], [200, 150.2]]; // biome-ignore format: places
const HOSTS = [GOOD, BAD].flatMap((brick) => hostsAt(brick, PLACES, TRAIN));

let count = 0;
/** A folder with bricks of its own: the second one is spoiled by `change` before it is written, or by `damage` afterwards. */
async function survey(change: (planes: PlaneData) => void = () => undefined, damage: (folder: string) => void = () => undefined) {
  const folder = join(ROOT, `survey-${count++}`);
  await writeBrick(join(folder, 'bricks'), GOOD, madePlanes(1));
  const planes = madePlanes(2);
  change(planes);
  damage(await writeBrick(join(folder, 'bricks'), BAD, planes));
  return folder;
}

/** A cache that is as it should be, for what is wrong elsewhere. */
let sound = '';
beforeAll(async () => {
  sound = join(await survey(), 'bricks');
});
const campaign = (targets: readonly TableRow[], config: Record<string, unknown> = {}) => {
  const folder = join(ROOT, `run-${count++}`);
  return { folder, path: writeCampaign(folder, targets, { coadd_cache: sound, stamp_sizes: [32], ...config }) };
};

const byBrick = (rows: readonly Row[], brick: string) => rows.filter((row) => row['brickname'] === brick);

describe('a brick', () => {
  const file = (plane: string) => `legacysurvey-${BAD}-${plane}.fits.fz`;
  it.each<[string, (folder: string) => void, RegExp]>([
    ['that is missing', (folder) => rmSync(folder, { recursive: true }), /^INPUT_UNREADABLE: .*0200m100/],
    ['without a band', (folder) => rmSync(join(folder, file('image-z'))), /image of band z/],
    ['without weights of a band', (folder) => rmSync(join(folder, file('invvar-g'))), /invvar of band g/],
    ['without masks', (folder) => rmSync(join(folder, file('maskbits'))), /maskbits/],
    [
      'of which a file is truncated',
      (folder) => truncateSync(join(folder, file('image-r')), statSync(join(folder, file('image-r'))).size - 3000),
      /image-r.*(truncated|ends)/,
    ],
    ['of which a file is empty', (folder) => truncateSync(join(folder, file('invvar-r')), 0), /invvar-r/],
    [
      'of which a file is no FITS',
      (folder) => writeFileSync(join(folder, file('maskbits')), 'Not Found'.repeat(999)),
      /maskbits/,
    ],
  ])('%s: its rows say so, and the others are made', async (_, damage, reason) => {
    const folder = await survey(undefined, damage);
    const path = writeCampaign(folder, HOSTS, { stamp_sizes: [32] });
    const { results } = await runCampaign(path);
    const rows = await rowsOf(folder);
    expect(rows.length).toBe(6);
    for (const row of byBrick(rows, GOOD)) expect(row).toMatchObject({ cutout_ok: 1, metrics_ok: 1, failure: null });
    for (const row of byBrick(rows, BAD)) {
      expect(row).toMatchObject({ cutout_ok: 0, metrics_ok: 0, arc_snr: null, magnification: null });
      expect(row['failure']).toMatch(/^INPUT_(UNREADABLE|INVALID): /);
      expect(row['failure']).toMatch(reason);
      // Nobody takes them for sky.
      expect((row['image_r'] as Float32Array).every(Number.isNaN)).toBe(true);
    }
    expect(results['inject']).toMatchObject({ outcome: 'failed-rows', counts: { rows: 6, failed: 3 } });
    expect(results['inject'].failures?.map(({ subject }) => subject).sort()).toEqual(byBrick(rows, BAD).map((row) => row.task_id).sort()); // biome-ignore format: one line
    // Metrics know it too, and the check refuses such a set.
    expect((await rowsOf(folder, 'metrics')).filter((row) => row['failure'] !== null).length).toBe(3);
    const { results: after } = await runCampaign(path, { stages: ['check'] });
    expect(after['check'].outcome).toBe('no-go');
    expect(after['check'].failures?.map(({ subject }) => subject.split(': ')[1])).toContain('success-rate');
  });

  it('that is missing does not keep a campaign from its end: a rerun or a shard that has no other brick writes its rows', async () => {
    const folder = await survey(undefined, (brick) => rmSync(brick, { recursive: true }));
    const path = writeCampaign(folder, HOSTS, { stamp_sizes: [32], part_rows: 3 });
    await runCampaign(path, { stages: ['manifest'] });
    const counts = [];
    for (const index of [1, 2]) counts.push((await runCampaign(path, { stages: ['inject'], shard: [index, 2] })).results['inject'].counts); // biome-ignore format: one line
    expect(counts).toMatchObject([{ rows: 3, failed: 0 }, { rows: 3, failed: 3 }]); // biome-ignore format: one line
    const stamps = join(folder, 'out/phase4c/v1/stamps');
    rmSync(join(stamps, filesBelow(stamps)[1]));
    const { results } = await runCampaign(path, { stages: ['inject'] });
    expect(results['inject']).toMatchObject({ outcome: 'failed-rows', counts: { rows: 3, failed: 3, parts_skipped: 1 } });
    expect((await rowsOf(folder)).length).toBe(6);
  });

  it('whose every pixel is masked: the arc is there, and no signal-to-noise', async () => {
    const folder = await survey((planes) => planes['maskbits'].fill(1 << 1));
    await runCampaign(writeCampaign(folder, HOSTS, { stamp_sizes: [32] }));
    const rows = await rowsOf(folder);
    for (const row of byBrick(rows, BAD)) {
      expect(row).toMatchObject({ cutout_ok: 1, metrics_ok: 0, bad_pixel_frac: 1, arc_snr: null, arc_snr_sum: null });
      expect(row['physics_warnings']).toContain('no_good_pixel');
      expect(row['total_injected_flux_r']).toBeGreaterThan(0);
    }
    for (const row of byBrick(rows, GOOD)) expect(row['metrics_ok']).toBe(1);
  });

  it('that was not observed in a band: rows say which, and are no failure of the run', async () => {
    const folder = await survey((planes) => planes['invvar-g'].fill(0));
    const { results } = await runCampaign(writeCampaign(folder, HOSTS, { stamp_sizes: [32] }));
    const rows = byBrick(await rowsOf(folder), BAD);
    for (const row of rows) expect(row).toMatchObject({ cutout_ok: 0, coverage_frac_g: 0, failure: 'NO_COVERAGE: no pixel of band g was observed.' }); // biome-ignore format: one line
    expect(results['inject']).toMatchObject({ outcome: 'done', counts: { unusable: 3, failed: 0 } });
    expect(results['inject'].summary.join('\n')).toContain('3 x NO_COVERAGE: no pixel of band g');
  });

  it('whose PSF size maps are 0: the size is the manifest, or the fallback, and never 0', async () => {
    const zero = (planes: PlaneData) => {
      for (const band of ['g', 'r', 'z']) planes[`psfsize-${band}`].fill(0);
    };
    const folder = await survey(zero);
    await runCampaign(writeCampaign(folder, HOSTS, { stamp_sizes: [32], psf_size_semantics: 'fwhm' }));
    for (const row of byBrick(await rowsOf(folder), BAD)) expect(row).toMatchObject({ cutout_ok: 1, psf_source_r: 1, psf_fwhm_used_r: 1.35 }); // biome-ignore format: one line
    const nobody = HOSTS.map(({ psfsize_r: _, ...host }) => host);
    await runCampaign(writeCampaign(folder, nobody, { stamp_sizes: [32], psf_size_semantics: 'fwhm', output: 'other' }));
    const rows = await rowsBelow(join(folder, 'other/phase4c/v1/metrics'));
    for (const row of byBrick(rows, BAD)) expect(row).toMatchObject({ psf_source_r: 3, psf_fwhm_used_r: 1.4 });
    for (const row of byBrick(rows, GOOD)) expect(row).toMatchObject({ psf_source_r: 0 });
  });

  it('with a damaged tile: only the rows over it fail, as failures', async () => {
    const folder = await survey();
    // The last of three by three.
    await damageTile(join(folder, 'bricks', BAD.slice(0, 3), BAD, file('image-r')), 8);
    const places: [number, number][] = [[60, 60], [250, 250]]; // biome-ignore format: places
    const { results } = await runCampaign(writeCampaign(folder, hostsAt(BAD, places, TRAIN), { stamp_sizes: [32] }));
    const rows = (await rowsOf(folder)).sort((a, b) => (a['stamp_x0'] as number) - (b['stamp_x0'] as number));
    expect(rows.map((row) => row['cutout_ok'])).toEqual([1, 0]);
    expect(rows[1]['failure']).toMatch(/^INPUT_INVALID: A tile cannot be read/);
    expect(results['inject']).toMatchObject({ outcome: 'failed-rows', counts: { failed: 1, unusable: 0 } });
  });
});

describe('targets', () => {
  it('outside their brick, over its edge, on the other side of the sky: rows with their reason', async () => {
    const { folder, path } = campaign([
      ...hostsAt(GOOD, [[150, 150], [3, 150], [150, SIDE - 4], [-400, 150]], TRAIN),
      { ...hostsAt(GOOD, [[0, 0]], TRAIN)[0], ra: 190, dec: 0 },
    ]); // biome-ignore format: places
    const { results } = await runCampaign(path);
    const rows = await rowsOf(folder);
    expect(rows.length).toBe(5);
    expect(rows.filter((row) => row['cutout_ok'] === 1).length).toBe(1);
    for (const row of rows.filter((one) => one['cutout_ok'] === 0)) {
      expect(row['failure']).toMatch(/^OUTSIDE_BRICK: /);
      expect(row).toMatchObject({ metrics_ok: 0, bad_pixel_frac: null, arc_snr: null });
    }
    expect(results['inject']).toMatchObject({ outcome: 'done', counts: { rows: 5, unusable: 4, failed: 0 } });
    expect(results['inject'].summary.join('\n')).toMatch(/4 x OUTSIDE_BRICK: /);
  });

  it('with NaN, nothing or nonsense where a number should be are listed with row and reason', async () => {
    const [host] = HOSTS;
    const bad: TableRow[] = [
      { ...host, ra: 'NaN' },
      { ...host, dec: undefined },
      { ...host, rmag: 'NaN' },
      { ...host, ra: 361 },
      { ...host, dec: -90.5 },
      { ...host, brickname: '' },
      { ...host, brickname: '../../etc' },
      { ...host, rmag: 'inf' },
    ];
    const { folder, path } = campaign([...bad, ...HOSTS]);
    const { results } = await runCampaign(path);
    const rejected = await rowsBelow(join(folder, 'out/phase4a/v1/manifests/rejected.parquet'));
    expect(rejected.map((row) => `${row['row']} ${row['reason']}`)).toEqual([
      '0 ra_missing',
      '1 dec_missing',
      '2 r_missing',
      '3 ra_out_of_range',
      '4 dec_out_of_range',
      '5 brickname_missing',
      '6 brickname_malformed',
      '7 r_missing',
    ]);
    expect(results['inject']).toMatchObject({ outcome: 'done', counts: { rows: 6, failed: 0 } });
  });

  it('that are all unusable are an error that counts why', async () => {
    const { folder, path } = campaign(HOSTS.map((host) => ({ ...host, rmag: 'NaN' })));
    await expect(runCampaign(path)).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringContaining('r_missing 6'),
    });
    expect(existsSync(join(folder, 'out/phase4c'))).toBe(false);
  });

  it('without a needed column are refused by its name', async () => {
    const { path } = campaign(HOSTS.map(({ ra: _, ...host }) => host));
    await expect(runCampaign(path)).rejects.toMatchObject({ code: 'INPUT_INVALID', message: expect.stringMatching(/ra\b/) });
  });
});
