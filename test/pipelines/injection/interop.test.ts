/** What others read: stamps as Parquet readers see them, and a Gen5 campaign of the originals with nothing of ours in it. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { parquetMetadata, parquetReadObjects } from 'hyparquet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeHdf5 } from '../../../src/io/hdf5.ts';
import { decodeNpz } from '../../../src/io/npz.ts';
import { openParquetWriter } from '../../../src/io/parquet.ts';
import { openStore } from '../../../src/io/store/store.ts';
import { MANIFEST_COLUMNS } from '../../../src/pipelines/injection/columns.ts';
import { type DatasetRow, readRows, runCampaign } from '../../support/campaign.ts';
import { taskOf } from '../../support/injection.ts';
import { madePlanes, skyOf, writeBrick } from './bricks-made.ts';

const BRICK = '0591m305';
const BANDS = ['g', 'r', 'z'];
const SIZE = 64;
const folder = mkdtempSync(join(tmpdir(), 'arclet-interop-'));
const cache = join(folder, 'bricks');
const output = join(folder, 'out');
beforeAll(() => writeBrick(cache, BRICK, madePlanes()));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Reads a part with hyparquet alone: columns by name, and the key-value metadata. */
async function readPlainly(path: string) {
  const bytes = readFileSync(path);
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const compressors = { ZSTD: (input: Uint8Array) => new Uint8Array(zstdDecompressSync(input)) };
  const rows = await parquetReadObjects({ file, compressors, utf8: false });
  const notes = parquetMetadata(file).key_value_metadata ?? [];
  return { rows, metadata: Object.fromEntries(notes.map(({ key, value }) => [key, value])) };
}

function partsBelow(location: string): string[] {
  return readdirSync(location, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.parquet'));
}

describe('a part of stamps', () => {
  beforeAll(async () => {
    const targets = join(folder, 'targets.csv');
    const places = [
      [120, 140],
      [180.3, 150.8],
    ].map(([x, y]) => skyOf(BRICK, x, y));
    const lines = places.map(({ raDeg, decDeg }) => `${BRICK},${raDeg.toFixed(7)},${decDeg.toFixed(7)},18.5,train`);
    writeFileSync(targets, `brickname,ra,dec,rmag,region_split\n${lines.join('\n')}\n`);
    const grid = 'custom_grid={theta_e_arcsec: [1.4], src_dmag: [2, 3], src_reff_arcsec: [0.3]}';
    const sets = [
      'tiers=grid',
      'grid_grid=custom',
      grid,
      'control_frac_grid=0.3',
      'unpaired_controls=false',
      'planes=injected,arc',
    ];
    await runCampaign({ flags: { targets, coadd_cache: cache, output }, sets }, ['manifest', 'inject']);
  });
  const experiment = 'grid_stamp64_bandsgrz_gridcustom';

  it('holds little-endian float32 rows of pixels, whose shape and unit its metadata tell', async () => {
    const location = `${output}/phase4c/v1/stamps/${experiment}`;
    const names = partsBelow(location);
    expect(names).toEqual(['region_split=train/part-00000.parquet']);
    const { rows, metadata } = await readPlainly(`${location}/${names[0]}`);
    const ours = new Map((await readRows(location)).map((row) => [row['task_id'], row]));
    expect(rows.length).toBe(8);
    const notes = JSON.parse(metadata['arclet.columns'] as string);
    for (const row of rows) {
      const own = ours.get(Buffer.from(row['task_id']).toString()) as DatasetRow;
      for (const band of BANDS) {
        const name = `image_${band}`;
        expect(notes[name]).toMatchObject({ dtype: '<f4', shape: [SIZE, SIZE], unit: 'nanomaggy' });
        const bytes = row[name] as Uint8Array;
        expect(bytes.byteLength).toBe(4 * SIZE * SIZE);
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
        const pixels = own[name] as Float32Array;
        let different = 0;
        for (let y = 0; y < SIZE; y++) {
          for (let x = 0; x < SIZE; x++) different += view.getFloat32(4 * (y * SIZE + x), true) === pixels[y * SIZE + x] ? 0 : 1;
        }
        expect(different).toBe(0);
      }
    }
    expect(metadata).toMatchObject({
      bands: 'g,r,z',
      pixscale_arcsec: '0.262',
      experiment_id: experiment,
      region_split: 'train',
    });
    expect(metadata['config_hash']).toMatch(/^[0-9a-f]{64}$/);
  });

  it('metrics are the same table without the pixels', async () => {
    const location = `${output}/phase4c/v1/metrics/${experiment}`;
    const [metrics] = (await readPlainly(`${location}/${partsBelow(location)[0]}`)).rows;
    const [stamp] = (await readPlainly(`${output}/phase4c/v1/stamps/${experiment}/${partsBelow(location)[0]}`)).rows;
    const extra = Object.keys(stamp).filter((name) => !(name in metrics));
    expect(extra).toEqual(['image_g', 'image_r', 'image_z', 'arc_g', 'arc_r', 'arc_z']);
  });
});

/** Columns of the originals' manifest, and what their pipeline adds to them. */
const THEIR_MANIFEST =
  `task_id experiment_id selection_set_id selection_strategy ranking_mode region_id region_split brickname ra dec zmag rmag w1mag
  rz zw1 psfsize_g psfsize_r psfsize_z psfdepth_r ebv psf_bin depth_bin config_id theta_e_arcsec src_dmag src_reff_arcsec src_e shear stamp_size
  bandset replicate is_control task_seed64 src_x_arcsec src_y_arcsec src_phi_rad shear_phi_rad src_gr src_rz lens_model lens_e lens_phi_rad
  ab_zp_nmgy pipeline_version`.split(/\s+/);
const THEIR_ROW =
  `task_id experiment_id selection_set_id ranking_mode selection_strategy region_id region_split brickname ra dec stamp_size bandset
  config_id theta_e_arcsec src_dmag src_reff_arcsec src_e shear replicate is_control task_seed64 src_x_arcsec src_y_arcsec src_phi_rad shear_phi_rad
  src_gr src_rz psf_bin depth_bin ab_zp_nmgy pipeline_version psfsize_r psfdepth_r ebv cutout_ok arc_snr total_injected_flux_r bad_pixel_frac
  wise_brightmask_frac metrics_ok psf_fwhm_used_g psf_fwhm_used_r psf_fwhm_used_z psf_source_g psf_source_r psf_source_z metrics_only lens_model
  lens_e lens_phi_rad magnification tangential_stretch radial_stretch expected_arc_radius physics_valid physics_warnings`.split(
    /\s+/,
  );

describe('a Gen5 config with a manifest of the originals', () => {
  const experiment = 'train_stamp64_bandsgrz_cosmos';
  let rows: DatasetRow[];
  beforeAll(async () => {
    await writeHdf5(join(folder, 'bank.h5'), async (writer) => {
      // Four blobs of 32 px, 0.3 to 0.5 arcsec wide.
      const images = Float32Array.from({ length: 4 * 32 * 32 }, (_, at) => {
        const [k, y, x] = [Math.floor(at / 1024), Math.floor(at / 32) % 32, at % 32];
        return Math.exp(-((x - 15.5) ** 2 + (1 + 0.3 * k) * (y - 15.5) ** 2) / (20 + 5 * k));
      });
      writer.dataset('images', images, [4, 32, 32]);
      writer.dataset('meta/hlr_arcsec', Float32Array.of(0.1, 0.1, 0.1, 0.1));
      writer.attribute('/', 'src_pixscale_arcsec', 0.03);
      writer.attribute('/', 'stamp_size', 32);
    });
    const tasks = Array.from({ length: 12 }, (_, n) => {
      const { raDeg, decDeg } = skyOf(BRICK, 100 + 9 * n, 120 + 5 * n);
      const control = n % 2 === 1;
      const zeros = ['theta_e_arcsec', 'src_dmag', 'src_reff_arcsec', 'src_e', 'shear', 'src_x_arcsec', 'src_y_arcsec', 'lens_e'];
      return taskOf(1000 + n, {
        experiment_id: experiment,
        selection_strategy: 'balanced',
        ranking_mode: 'n_lrg',
        region_split: ['train', 'val', 'test'][n % 3],
        brickname: BRICK,
        ra: raDeg,
        dec: decDeg,
        zmag: 18.1,
        rmag: 19,
        psfsize_g: 1.5,
        psfsize_r: 1.3,
        psfsize_z: 1.25,
        psfdepth_r: 23.9,
        ebv: 0.02,
        psf_bin: 1,
        depth_bin: 2,
        is_control: control ? 1 : 0,
        ...(control ? { lens_model: 'CONTROL', ...Object.fromEntries(zeros.map((name) => [name, 0])) } : {}),
      });
    });
    const columns = MANIFEST_COLUMNS.filter(({ name }) => THEIR_MANIFEST.includes(name));
    expect(columns.length).toBe(THEIR_MANIFEST.length);
    const store = await openStore(join(folder, 'manifests', experiment));
    const writer = openParquetWriter(await store.sink('part-0.parquet'), { columns });
    const values = columns.map(({ name }) => [name, tasks.map((task) => task[name as 'task_id'])] as const);
    await writer.write({ rows: tasks.length, columns: Object.fromEntries(values) });
    await writer.finish();
    await store.close();
    const config = {
      generation: 'gen5',
      component: 'phase4c_data_generation',
      stage: '4c',
      seed_base: 1337,
      variant: 'v5_cosmos_source',
      experiment_id: experiment,
      source_mode: 'cosmos',
      cosmos_bank_h5: 'bank.h5',
      cosmos_salt: 'gen5_v1',
      psf_model: 'moffat',
      moffat_beta: 3.5,
      conventions: 'dhs_gen5',
      bad_bits: 'dhs',
      stamp_format: 'npz',
      parent_s3: `manifests/${experiment}`,
      coadd_s3_cache_prefix: 'bricks',
      output_s3: 'gen5',
    };
    writeFileSync(join(folder, 'gen5.json'), JSON.stringify(config));
    await runCampaign({ path: join(folder, 'gen5.json') }, ['manifest', 'inject']);
    rows = await readRows(join(folder, 'gen5/phase4c/v5_cosmos_source/stamps', experiment));
  });

  it('gives every row with every column of theirs', async () => {
    expect(rows.length).toBe(12);
    expect(THEIR_ROW.filter((name) => !(name in rows[0]))).toEqual([]);
    const metrics = await readRows(join(folder, 'gen5/phase4c/v5_cosmos_source/metrics', experiment));
    expect(THEIR_ROW.filter((name) => !(name in metrics[0]))).toEqual([]);
    expect('stamp_npz' in rows[0]).toBe(true);
    expect('stamp_npz' in metrics[0]).toBe(false);
    expect(rows.every((row) => row['cutout_ok'] === 1 && row['metrics_ok'] === 1)).toBe(true);
    const parts = partsBelow(join(folder, 'gen5/phase4c/v5_cosmos_source/stamps', experiment)).sort();
    expect(parts.map((name) => name.split('/')[0])).toEqual(['region_split=test', 'region_split=train', 'region_split=val']);
  });

  it('follows their rules of nulls, and draws templates', () => {
    for (const row of rows) {
      const control = row['is_control'] === 1;
      for (const name of ['arc_snr', 'magnification', 'total_injected_flux_r', 'psf_fwhm_used_r'])
        expect(row[name] === null, name).toBe(control);
      for (const name of ['bad_pixel_frac', 'wise_brightmask_frac']) expect(row[name], name).not.toBeNull();
      if (control) expect(row).toMatchObject({ lens_model: 'CONTROL', theta_e_arcsec: 0 });
      else {
        expect(row['cosmos_index']).toBeGreaterThanOrEqual(0);
        // Their PSF: the number of the map is the width of the Moffat.
        expect(row['psf_fwhm_used_r']).toBeCloseTo(1.3, 6);
        expect(row['psf_source_r']).toBe(0);
      }
    }
  });

  it('packs stamps as their npz: float32 [64, 64], image_g, image_r, image_z', () => {
    for (const row of rows) {
      const arrays = decodeNpz(row['stamp_npz'] as Uint8Array, 'stamp');
      expect(Object.keys(arrays)).toEqual(['image_g', 'image_r', 'image_z']);
      for (const { shape, data } of Object.values(arrays)) {
        expect(shape).toEqual([SIZE, SIZE]);
        expect(data).toBeInstanceOf(Float32Array);
      }
    }
  });

  it('leaves their record of the run', () => {
    const path = join(folder, `gen5/phase4c/v5_cosmos_source/run_config_${experiment}.json`);
    const record = JSON.parse(readFileSync(path, 'utf8'));
    expect(record).toMatchObject({
      stage: '4c',
      variant: 'v5_cosmos_source',
      experiment_id: experiment,
      // Their cosmos, by its name here.
      source_mode: 'template',
      cosmos_bank_h5: join(folder, 'bank.h5'),
      cosmos_salt: 'gen5_v1',
      seed_base: 1337,
      psf_model: 'moffat',
      moffat_beta: 3.5,
      split_seed: 13,
    });
    expect(record.execution_timestamp_utc).toMatch(/^\d{4}-\d\d-\d\dT/);
  });
});
