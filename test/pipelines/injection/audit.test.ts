import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PhiloxStream, philoxKey } from '../../../src/core/rng.ts';
import { npzBytes } from '../../../src/io/npz.ts';
import { openParquetWriter } from '../../../src/io/parquet.ts';
import { openStore } from '../../../src/io/store/store.ts';
import type { ColumnSchema } from '../../../src/io/table.ts';
import { type Audited, auditExperiment, auditStage } from '../../../src/pipelines/injection/audit.ts';
import { datasetFolder } from '../../../src/pipelines/injection/layout.ts';
import { BANDS, type CampaignRow, configOf, contextOf, EXPERIMENT, soundRows, writeRows } from './check-campaign.ts';

let folder: string;
let campaigns = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'arclet-audit-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const SIDE = 44;

interface Drawn {
  readonly image: Float32Array;
  readonly host: Float32Array;
  readonly arc: Float32Array;
}

interface Pixels {
  /** Peak of the arc over the noise. */
  readonly arc?: number;
  /** Where the arc is, px from the host. */
  readonly radius?: number;
  /** Added to the host's position for the lens, px. */
  readonly offset?: number;
  /** Changes the image after the arc was added. */
  readonly spoil?: (row: CampaignRow, image: Float32Array, draw: PhiloxStream) => void;
  /** Changes the host before the arc is added. */
  readonly host?: (row: CampaignRow) => number;
}

/** Normal deviates that stamps take their noise from, each from another place: drawing each anew would be most of the test. */
const NOISE = (() => {
  const stream = new PhiloxStream(philoxKey(11));
  return Float64Array.from({ length: 2 ** 17 }, () => stream.normal());
})();

/** exp(-(k - centre)^2 / scale) along an axis; a round Gaussian is the product of two. */
const profile = (centre: number, scale: number) =>
  Float64Array.from({ length: SIDE }, (_, k) => Math.exp(-((k - centre) ** 2) / scale));

/** Sky of noise 1 nanomaggy, a host of Gaussian light, and two blobs opposite each other as the arc. The same for all rows of a seed. */
function draw(
  row: CampaignRow,
  { arc: peak = 6, radius = 8, offset = 0, spoil, host: brightness = () => 1 }: Pixels,
  band: string,
): Drawn {
  const seed = BigInt.asUintN(64, row['task_seed64'] as bigint);
  const stream = new PhiloxStream(philoxKey(seed), [BANDS.indexOf(band), 0, 0]);
  const shared = new PhiloxStream(philoxKey(seed), [9, 0, 0]);
  const [hostX, hostY] = [row['host_x'] as number, row['host_y'] as number];
  const light = 20 * Math.exp(0.5 * shared.normal()) * brightness(row);
  const angle = 2 * Math.PI * shared.uniform();
  const start = stream.integer(NOISE.length - SIDE * SIDE);
  const host = new Float32Array(SIDE * SIDE);
  const arc = new Float32Array(SIDE * SIDE);
  const [across, up] = [profile(hostX, 18), profile(hostY, 18)];
  const blobs = [1, -1].map((side) => [
    profile(hostX + offset + side * radius * Math.cos(angle), 8),
    profile(hostY + side * radius * Math.sin(angle), 8),
  ]);
  for (let y = 0, at = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++, at++) {
      host[at] = NOISE[start + at] + light * across[x] * up[y];
      if (row['is_control'] === 0) arc[at] = peak * (blobs[0][0][x] * blobs[0][1][y] + blobs[1][0][x] * blobs[1][1][y]);
    }
  }
  const image = host.map((value, at) => (arc[at] === 0 ? value : value + arc[at]));
  spoil?.(row, image, stream);
  return { image, host, arc };
}

const PLANES = ['image', 'host', 'arc'] as const;

interface Campaign {
  readonly pixels?: Pixels;
  readonly rows?: readonly CampaignRow[];
  /** None: no stamps. */
  readonly planes?: readonly (typeof PLANES)[number][];
}

/** 240 hosts; one row each is enough for a probe, and quick. */
const rowsOf = (change: (row: CampaignRow, index: number) => CampaignRow = (row) => row) =>
  soundRows()
    .filter((row) => row['replicate'] === 0)
    .map((row) => ({ ...row, host_x: (row['host_x'] as number) - 10, host_y: (row['host_y'] as number) - 10, stamp_size: SIDE }))
    .map(change);

async function write({ pixels = {}, rows = rowsOf(), planes = PLANES }: Campaign): Promise<string> {
  const output = join(folder, `run-${campaigns++}`);
  await writeRows(output, rows);
  if (planes.length === 0) return output;
  const stamps = planes.flatMap((plane) =>
    BANDS.map((band): ColumnSchema => ({ name: `${plane}_${band}`, type: 'stamp', shape: [SIDE, SIDE] })),
  );
  await writeRows(output, rows, {
    dataset: 'stamps',
    columns: (all) => [...all, ...stamps],
    pixels: (held, name) => {
      const [plane, band] = name.split('_') as [(typeof PLANES)[number], string];
      const out = new Float32Array(held.length * SIDE * SIDE);
      held.forEach((row, index) => {
        out.set(draw(row, pixels, band)[plane], index * SIDE * SIDE);
      });
      return out;
    },
  });
  return output;
}

const audit = async (campaign: Campaign) => auditExperiment(contextOf(), configOf(await write(campaign)), EXPERIMENT);
const verdictOf = ({ checks }: Audited, name: string) => checks.find((check) => check.name === name)?.verdict;
const refusedBy = ({ checks }: Audited) => checks.filter(({ verdict }) => verdict === 'no-go').map(({ name }) => name);
const areaOf = ({ results }: Audited, name: string) => results.find((one) => one.name === name)!;

describe('a set whose arcs are all that differs', () => {
  it('passes: the annulus knows, core, edge and hosts do not; a page and JSON say so', async () => {
    const output = await write({});
    const result = await auditStage.run(contextOf(), configOf(output));
    const json = JSON.parse(await readFile(join(output, 'phaseaudit/v1', EXPERIMENT, 'audit.json'), 'utf8'));
    expect(result.outcome).toBe('done');
    expect(json.checks.filter((check: { verdict: string }) => check.verdict === 'no-go')).toEqual([]);
    const auc = Object.fromEntries(json.probes.map((probe: { name: string; auc: number }) => [probe.name, probe.auc]));
    expect(auc['annulus-probe']).toBeGreaterThan(0.9);
    for (const name of ['core-probe', 'edge-probe', 'null-core-probe', 'null-annulus-probe'])
      expect(Math.abs(auc[name] - 0.5)).toBeLessThan(0.2);
    expect(json.stamps).toBe(240);
    expect(
      json.checks.every((check: { threshold: string; why: string }) => check.threshold !== '' && check.why.endsWith('.')),
    ).toBe(true);
    for (const name of [
      'image-is-host-plus-arc',
      'alignment',
      'quality-ks',
      'stamps-finite',
      'bandset-by-class',
      'success-by-class',
    ]) {
      expect(json.checks.find((check: { name: string }) => check.name === name).verdict).toBe('go');
    }
    const docs = await readFile(new URL('../../../docs/inject-check.md', import.meta.url), 'utf8');
    expect(
      json.checks.map((check: { name: string }) => check.name).filter((name: string) => !docs.includes(`\`${name}\``)),
    ).toEqual([]);
    const html = await readFile(join(output, 'phaseaudit/v1', EXPERIMENT, 'audit.html'), 'utf8');
    expect(html.match(/<figure>/g)).toHaveLength(4);
    expect(html).not.toMatch(/<script|https?:\/\/(?!www\.w3\.org)/);
  });

  it('is found to be the same whatever the cut into parts', async () => {
    const rows = rowsOf();
    const [first, second] = [await audit({ rows }), await audit({ rows: rows.toReversed() })];
    expect(first.tests).toEqual(second.tests);
    expect(areaOf(first, 'core-probe').positives).toBe(120);
    // The order of the rows changes the last bits of the sums.
    expect(areaOf(first, 'core-probe').area).toBeCloseTo(areaOf(second, 'core-probe').area, 6);
  });
});

describe('a leak, and the probe that finds it', () => {
  it('arcs in the core: core-probe', async () => {
    const found = await audit({ pixels: { radius: 1, arc: 400 } });
    expect(refusedBy(found)).toEqual(expect.arrayContaining(['core-probe', 'core-probe-all-bands']));
    expect(areaOf(found, 'core-probe').area).toBeGreaterThan(0.95);
    // The hosts themselves are innocent.
    expect(verdictOf(found, 'null-core-probe')).toBe('go');
  });

  it('light of the core although the arcs are outside it: core-probe-wide-arcs', async () => {
    const spoil: Pixels['spoil'] = (row, image) => {
      if (row['is_control'] === 0) image.forEach((_, at) => { if (Math.hypot((at % SIDE) - 22, Math.floor(at / SIDE) - 22) < 4) image[at] += 90; }); // biome-ignore format: one loop
    };
    const found = await audit({
      pixels: { spoil },
      rows: rowsOf((row) => (row['is_control'] === 0 ? { ...row, theta_e_effective_arcsec: 2.5 } : row)),
    });
    expect(refusedBy(found)).toEqual(expect.arrayContaining(['core-probe', 'core-probe-wide-arcs', 'image-is-host-plus-arc']));
  });

  it('noise added to injections: edge-probe, and the pixels are not host + arc', async () => {
    const spoil: Pixels['spoil'] = (row, image, stream) => {
      if (row['is_control'] === 0) image.forEach((_, at) => { image[at] += 0.6 * stream.normal(); }); // biome-ignore format: one loop
    };
    const found = await audit({ pixels: { spoil } });
    expect(refusedBy(found)).toEqual(expect.arrayContaining(['edge-probe', 'image-is-host-plus-arc']));
  });

  it('brighter hosts for injections: null-core-probe', async () => {
    const found = await audit({ pixels: { host: (row) => (row['is_control'] === 0 ? 6 : 1) } });
    expect(refusedBy(found)).toContain('null-core-probe');
    expect(areaOf(found, 'null-core-probe').area).toBeGreaterThan(0.9);
  });

  it('lenses half a pixel off their hosts: alignment', async () => {
    const found = await audit({ pixels: { offset: 0.5 } });
    const check = found.checks.find(({ name }) => name === 'alignment');
    expect(check?.verdict).toBe('no-go');
    expect(Math.abs(Number.parseFloat(String(check?.value)) - 0.5)).toBeLessThan(0.02);
    expect(refusedBy(found)).toEqual(['alignment']);
  });

  it('better seeing for injections: quality-ks', async () => {
    const rows = rowsOf((row) => (row['is_control'] === 0 ? { ...row, psfsize_r: (row['psfsize_r'] as number) - 0.15 } : row));
    const found = await audit({ rows, planes: [] });
    expect(refusedBy(found)).toEqual(['quality-ks']);
    expect(found.tests[0].column).toBe('psfsize_r');
  });

  it('NaN in a stamp, light without coverage, a class that fails, a bandset of one class', async () => {
    const spoil: Pixels['spoil'] = (row, image) => {
      if (row['task_id'] === first) image[7] = Number.NaN;
    };
    const sound = rowsOf();
    const injection = sound.findIndex((row) => row['is_control'] === 0);
    const first = sound[injection]['task_id'];
    const rows = sound.map((row, index) => {
      if (index === injection) return { ...row, coverage_frac_z: 0 };
      if (row['is_control'] === 0) return index % 5 === 0 ? { ...row, cutout_ok: 0, metrics_ok: 0 } : row;
      return index === sound.length - 1 ? { ...row, bandset: 'r' } : row;
    });
    const found = await audit({ pixels: { spoil }, rows });
    expect(refusedBy(found)).toEqual(
      expect.arrayContaining(['stamps-finite', 'flux-without-coverage', 'success-by-class', 'bandset-by-class']),
    );
  });

  it('arcs inside the cores of their hosts, in the train tier: unresolved-share', async () => {
    const rows = rowsOf((row) => (row['is_control'] === 0 ? { ...row, theta_e_arcsec: 0.2 } : row));
    expect(verdictOf(await audit({ rows, planes: [] }), 'unresolved-share')).toBe('no-go');
  });
});

describe('what is not there', () => {
  it('no stamps: pixel probes are skipped and say so, columns are compared', async () => {
    const output = join(folder, `run-${campaigns++}`);
    await writeRows(output, rowsOf());
    const found = await auditExperiment(contextOf(), configOf(output, { metrics_only: true }), EXPERIMENT);
    const probes = found.checks.filter(({ name }) => name.includes('probe'));
    expect(probes).toHaveLength(9);
    expect(probes.every(({ verdict, detail }) => verdict === 'skipped' && detail.startsWith('metrics_only'))).toBe(true);
    expect(verdictOf(found, 'quality-ks')).toBe('go');
  });

  it('no host planes: controls against controls tell nothing', async () => {
    const found = await audit({ planes: ['image'], rows: rowsOf((row) => ({ ...row, is_control: 1 })) });
    expect(verdictOf(found, 'null-core-probe')).toBe('go');
    expect(verdictOf(found, 'image-is-host-plus-arc')).toBe('skipped');
    expect(verdictOf(found, 'core-probe')).toBe('skipped');
  });

  it('stamps as the archives of the originals are read too', async () => {
    const rows = rowsOf();
    const [columns, archives] = [await write({ rows }), join(folder, `run-${campaigns++}`)];
    await writeRows(archives, rows);
    const store = await openStore(datasetFolder(configOf(archives), 'stamps', EXPERIMENT));
    const names = [
      'is_control',
      'cutout_ok',
      'task_seed64',
      'ra',
      'dec',
      'host_x',
      'host_y',
      'lens_x_arcsec',
      'lens_y_arcsec',
      'theta_e_arcsec',
    ];
    const schema: ColumnSchema[] = names.map((name) => ({ name, type: name === 'task_seed64' ? 'int64' : 'float64' }));
    const writer = openParquetWriter(await store.sink('part-0.parquet'), {
      columns: [...schema, { name: 'stamp_npz', type: 'bytes', nullable: true }],
    });
    const archive = (row: CampaignRow) => npzBytes('', Object.fromEntries(BANDS.flatMap((band) => Object.entries(draw(row, {}, band)).map(([plane, data]) => [`${plane}_${band}`, { data, shape: [SIDE, SIDE] }])))); // biome-ignore format: one archive
    await writer.write({ rows: rows.length, columns: { ...Object.fromEntries(names.map((name) => [name, rows.map((row) => row[name] ?? 0)])), stamp_npz: rows.map(archive) } }); // biome-ignore format: one table
    await writer.finish();
    const [first, second] = [
      await auditExperiment(contextOf(), configOf(columns), EXPERIMENT),
      await auditExperiment(contextOf(), configOf(archives), EXPERIMENT),
    ];
    expect(areaOf(second, 'annulus-probe').area).toBeCloseTo(areaOf(first, 'annulus-probe').area, 6);
    expect(verdictOf(second, 'image-is-host-plus-arc')).toBe('go');
  });
});
