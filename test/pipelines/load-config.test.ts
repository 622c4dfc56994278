import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { INJECT_ALIASES, INJECT_KEYS } from '../../src/pipelines/injection/config.ts';
import { configHash, loadInjectConfig, requireKeys } from '../../src/pipelines/injection/load-config.ts';
import type { ConfigInput } from '../../src/pipelines/layered-config.ts';

const folder = mkdtempSync(join(tmpdir(), 'arclet-config-'));
const below = join(folder, 'below');
mkdirSync(below);
let files = 0;

function write(content: unknown): string {
  const path = join(folder, `config${files++}`);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}
const load = (content: unknown, more: ConfigInput = {}) => loadInjectConfig({ path: write(content), cwd: below, ...more });
const refuse = async (content: unknown, more: ConfigInput = {}) => {
  const error = await load(content, more).then(
    () => undefined,
    (caught) => caught,
  );
  expect(error, 'it was accepted').toBeDefined();
  return error as { code: string; message: string; remedy: string };
};

const SMALLEST = {
  targets: 'targets.csv',
  coadd_cache: 'bricks',
  output: 'out',
  variant: 'v1',
  tiers: ['debug'],
  bands: ['g', 'r', 'z'],
  stamp_sizes: [64],
  source_mode: 'sersic',
};
const GEN5 = {
  generation: 'gen5',
  component: 'phase4c_data_generation',
  seed_base: 1337,
  variant: 'v5_cosmos_source',
  experiment_id: 'train_stamp64_bandsgrz_cosmos',
  source_mode: 'cosmos',
  cosmos_bank_h5: 's3://darkhaloscope/data/cosmos_banks/cosmos_bank_20k_gen5.h5',
  cosmos_salt: 'gen5_v1',
  psf_model: 'moffat',
  moffat_beta: 3.5,
  output_s3: 's3://darkhaloscope/data/v5_cosmos_source/train_stamp64_bandsgrz_cosmos',
  created_utc: '2026-02-03T07:40:00Z',
  description: 'Gen5 Phase 4c config with COSMOS real galaxy sources',
};
const GEN5_SMOKE = {
  generation: 'gen5',
  component: 'phase4c_smoke_test',
  stage: '4c',
  output_s3: 's3://darkhaloscope/phase4_pipeline',
  variant: 'v5_cosmos_source_test',
  experiment_id: 'test_stamp64_bandsgrz_cosmos_smoke',
  source_mode: 'cosmos',
  cosmos_bank_h5: 's3://.../cosmos_bank_20k_gen5.h5',
  cosmos_salt: 'gen5_test_v1',
  seed_base: 1337,
  psf_model: 'moffat',
  moffat_beta: 3.5,
  split_seed: 42,
  bands: 'g,r,z',
  stamp_sizes: '64',
  bandsets: 'grz',
  tiers: 'debug',
  grid_debug: 'grid_small',
  n_per_config_debug: 5,
  skip_if_exists: 1,
  force: 0,
  manifests_subdir: 'manifests',
  parent_s3: 's3://darkhaloscope/phase4_pipeline/phase4a/v4_sota_moffat/manifests/train_stamp64_bandsgrz_gridgrid_sota',
  created_utc: '2026-02-03T08:00:00Z',
  description: '...',
};

describe('configs', () => {
  it('of the least size are completed; relative places start at their folder', async () => {
    const { config, effective, origin, warnings } = await load(SMALLEST);
    expect(config).toMatchObject({
      targets: join(folder, 'targets.csv'),
      output: join(folder, 'out'),
      seedBase: 42,
      partRows: 2000,
    });
    expect(Object.keys(effective)).toEqual(Object.keys(INJECT_KEYS));
    expect(effective).toMatchObject({
      bandsets: ['grz'],
      theta_e_convention: 'product',
      psf_size_semantics: 'nea',
      known_lenses: null,
    });
    expect(origin).toMatchObject({ targets: 'config', seed_base: 'default', theta_e_convention: 'preset' });
    expect(warnings).toEqual([]);
  });

  it('of Gen5 load unchanged', async () => {
    const { config } = await load(GEN5);
    expect(config).toMatchObject({ sourceMode: 'template', templateSalt: 'gen5_v1', seedBase: 1337, output: GEN5.output_s3 });
    const smoke = await load(GEN5_SMOKE);
    expect(smoke.config).toMatchObject({
      bands: ['g', 'r', 'z'],
      stampSizes: [64],
      tiers: ['debug'],
      skipIfExists: true,
      force: false,
      targets: GEN5_SMOKE.parent_s3,
    });
    expect(smoke.warnings).toEqual([]);
  });

  it('may be YAML, and load again from what is recorded of them', async () => {
    const yaml = [
      '# a campaign',
      'targets: targets.csv',
      'output: out',
      'bands: [g, r, z]',
      'stamp_sizes: 48',
      'experiment_id:',
      'grid_debug: custom',
      'tiers: debug',
      'custom_grid:',
      '  theta_e_arcsec: [1, 1.5]',
      '  src_dmag: [1]',
      '  src_reff_arcsec: [0.1]',
    ].join('\n');
    const first = await load(yaml);
    expect(first.config).toMatchObject({ stampSizes: [48], gridDebug: 'custom' });
    expect(first.config.experimentId).toBeUndefined();
    expect(first.config.customGrid?.thetaEArcsec).toEqual([1, 1.5]);
    const again = await load(first.effective);
    expect(again.effective).toEqual(first.effective);
    expect(again.hash).toBe(first.hash);
  });

  it('of lenstronomy or DHS conventions keep what is given beside the preset', async () => {
    const { effective, origin } = await load({ conventions: 'dhs', bn_convention: 'exact' });
    expect(effective).toMatchObject({
      theta_e_convention: 'minor',
      r_eff_convention: 'major',
      bn_convention: 'exact',
      psf_size_semantics: 'fwhm',
    });
    expect(origin).toMatchObject({ bn_convention: 'config', theta_e_convention: 'preset' });
  });

  it('without r take the band in the middle as reference', async () => {
    expect((await load({ bands: 'i,z' })).config.referenceBand).toBe('i');
    expect((await load({ bands: 'g,i,z' })).config.referenceBand).toBe('i');
    expect((await refuse({ bands: 'g,i', reference_band: 'r' })).message).toContain(
      "reference_band: 'r' is none of the bands g, i",
    );
  });

  it('say which keys have no effect', async () => {
    const { warnings } = await load({ cache_partitions: 200, skip_if_exists: 0, template_bank: 'b.h5' });
    expect(warnings).toHaveLength(3);
    expect(warnings[0]).toBe('cache_partitions has no effect: arclet fetches as many files at once as fetch_at_once says');
  });
});

describe('every flag of the originals', () => {
  it('is a key or an alias', () => {
    const theirs =
      'stage output_s3 variant skip_if_exists force bands coadd_base_url coadd_s3_cache_prefix parent_s3 bricks_with_region_s3 region_selections_s3 selection_set_ids require_lrg_flag stamp_sizes bandsets psf_model moffat_beta core_mask_radius source_mode cosmos_bank_h5 cosmos_salt seed_base test_limit tiers grid_debug grid_grid grid_train n_per_config_debug n_per_config_grid n_total_train_per_split control_frac_train control_frac_grid control_frac_debug unpaired_controls max_total_tasks_soft replicates split_seed cache_partitions http_timeout_s include_psfsize use_psfsize_maps experiment_id manifests_subdir sweep_partitions metrics_only recovery_snr_thresh recovery_theta_over_psf quality_bad_pixel_max quality_wise_max psfsize_bin_width psfdepth_bin_width ci_z write_psf_provenance compact_input_s3 compact_output_s3 compact_partitions';
    expect(theirs.split(' ').filter((name) => !(name in INJECT_KEYS) && !(name in INJECT_ALIASES))).toEqual([]);
  });
});

describe('layers', () => {
  it('flags fill what the file leaves open, relative to the working folder', async () => {
    const { config, origin, overrides } = await load(SMALLEST, {
      flags: { known_lenses: 'known.csv', metrics_only: true, bands: 'g, r,z' },
    });
    expect(config).toMatchObject({ knownLenses: join(below, 'known.csv'), metricsOnly: true });
    expect(origin).toMatchObject({ known_lenses: 'flag', bands: 'config' });
    expect(overrides).toEqual([]);
  });

  it('a flag against the file is refused, naming both, also by an alias', async () => {
    const error = await refuse({ parent_s3: 's3://a/b' }, { flags: { targets: 's3://a/c' } });
    expect(error).toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('says parent_s3 = "s3://a/b", but the command line says --targets "s3://a/c"'),
      remedy: expect.stringContaining('--set targets=s3://a/c'),
    });
    expect((await refuse({ seed_base: 1337 }, { flags: { seed_base: '1338' } })).remedy).toContain('--set seed_base=1338');
    expect((await load({ seed_base: 1337 }, { flags: { seed_base: '1337.0' } })).config.seedBase).toBe(1337);
  });

  it('--set overrides and is recorded', async () => {
    const { config, overrides, origin } = await load(SMALLEST, {
      sets: [
        'seed-base=7',
        'tiers=debug,grid',
        'cosmos_salt=a=b',
        'gain={"g": 1, "r": 2, "z": 3}',
        'target_arc_snr={edges: [0, 1], weights: [1]}',
      ],
    });
    expect(config).toMatchObject({ seedBase: 7, tiers: ['debug', 'grid'], templateSalt: 'a=b', gain: { g: 1, r: 2, z: 3 } });
    expect(origin['seed_base']).toBe('set');
    expect(overrides[0]).toEqual({ key: 'seed_base', value: '7', instead_of: null, instead_of_origin: 'default' });
    expect(overrides[1]).toEqual({ key: 'tiers', value: 'debug,grid', instead_of: ['debug'], instead_of_origin: 'config' });
    expect((await refuse(SMALLEST, { sets: ['seed_base'] })).code).toBe('USAGE');
    expect((await refuse(SMALLEST, { sets: ['seed_base=1', 'seed_base=2'] })).message).toContain('two values');
  });

  it('two spellings that disagree are refused, naming both', async () => {
    const { code, message } = await refuse({ output: 's3://a/b', output_s3: 's3://a/c' });
    expect(code).toBe('CONFIG_INVALID');
    expect(message).toContain('output = "s3://a/b" and output_s3 = "s3://a/c"');
    expect((await load({ output: 's3://a/b', output_s3: 's3://a/b' })).config.output).toBe('s3://a/b');
  });
});

describe('wrong configs', () => {
  it('unknown keys name the nearest, aliases included', async () => {
    const error = await refuse({ seed_bas: 1, cosmos_bank_h: 'x' });
    expect(error.code).toBe('CONFIG_UNKNOWN_KEY');
    expect(error.message).toContain("unknown key 'seed_bas', did you mean 'seed_base'?");
    expect(error.message).toContain("unknown key 'cosmos_bank_h', did you mean 'cosmos_bank_h5'?");
    expect((await refuse({}, { sets: ['tires=debug'] })).message).toContain("did you mean 'tiers'?");
  });

  it.each<[unknown, RegExp]>([
    [{ seed_base: 'abc' }, /seed_base: expected number, got "abc"/],
    [{ seed_base: true }, /seed_base: expected number, got true/],
    [{ seed_base: 1.5 }, /seed_base: expected int, got 1.5/],
    [{ moffat_beta: '' }, /moffat_beta: expected number, got ""/],
    [{ stamp_sizes: [64, 'x'] }, /stamp_sizes\[1\]: expected number, got "x"/],
    [{ tiers: ['debg'] }, /tiers\[0\]: .*"debug"\|"grid"\|"train"/],
    [{ metrics_only: 'maybe' }, /metrics_only: expected boolean, got "maybe"/],
    [{ val_frac: 0.6, test_frac: 0.4 }, /val_frac \+ test_frac is 1/],
    [{ grid_debug: 'custom' }, /grid_debug is custom, but custom_grid is missing/],
    [{ source_mode: 'template' }, /template_bank: this key is missing/],
    [{ healpix_nside: 48 }, /healpix_nside: expected a power of two up to 2\^29, got 48/],
    [{ target_arc_snr: { edges: [0, 1, 1], weights: [1, 1] } }, /target_arc_snr.edges: expected ascending/],
    [{ target_arc_snr: { edges: [0, 1], weights: [1, 1] } }, /2 edges and 2 weights/],
    [{ bandsets: 'gx' }, /bandsets\[0\]: 'x' of 'gx' is none of the bands g, r, z/],
    [{ stamp_sizes: [64, 513] }, /stamp_sizes\[1\]: expected a size from 16 to 512, got 513/],
    [{ planes: 'arcs' }, /planes\[0\]: expected .*, got "arcs"/],
    [{ planes: 'arc, arcs' }, /planes\[1\]: expected .*, got "arcs"/],
    [{ stamp_sizes: '64,big' }, /stamp_sizes\[1\]: expected number, got "big"/],
    [{ tiers: ['debug', 'debug'] }, /tiers: 'debug' stands there twice/],
    [{ bands: [] }, /bands: expected at least one/],
    [{ moffat_beta: 1 }, /moffat_beta: expected a number above 1, got 1/],
    [{ gain: { g: 1 } }, /gain: no value for band 'r'/],
    [{ oversample: 33 }, /oversample: expected "auto" or 1 to 32, got 33/],
    [{ score_table: 's.csv' }, /score_column: this key is missing/],
    [
      '{"seed_base": 1,\n "tiers": ["debug"\n "bands": "g"}',
      /not JSON: Expected ',' or '\]' after array element \(line 3 column 2\)/,
    ],
    ['{"seed_base": 1, "seed_base": 2}', /holds a key twice: line 1, column 18/],
    ['seed_base: 1\nseed_base: 2', /holds a key twice: line 2, column 1/],
    ['seed_base: [1', /is not YAML: .*line 1, column/],
    ['', /it is empty/],
    ['- seed_base', /it holds no keys/],
  ])('%j is refused', async (content, message) => {
    const error = await refuse(content);
    expect(error.message).toMatch(message);
    expect(error.code).toBe('CONFIG_INVALID');
  });

  it('says where a wrong value is from', async () => {
    expect((await refuse({}, { flags: { seed_base: 'x' } })).message).toMatch(/^flag: seed_base/);
    expect((await refuse({}, { sets: ['seed_base=x'] })).message).toMatch(/^--set: seed_base/);
    await expect(loadInjectConfig({ path: join(folder, 'none.json') })).rejects.toMatchObject({ code: 'INPUT_UNREADABLE' });
  });

  it('a stage names the keys that it misses, and their aliases', async () => {
    const { config } = await load({ output: 'out' });
    expect(() => requireKeys(config, 'cache', ['output'])).not.toThrow();
    expect(() => requireKeys(config, 'cache', ['output', 'coadd_cache', 'targets'])).toThrow(
      'Stage cache needs coadd_cache (or coadd_s3_cache_prefix) and targets (or parent_s3), which the config does not give.',
    );
  });
});

describe('the hash', () => {
  it('does not depend on order, place or spelling, and does on what decides rows', async () => {
    const { hash, effective } = await load(SMALLEST);
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    const same = [
      { ...SMALLEST, output: 'elsewhere', http_timeout_s: 5, description: 'x' },
      { ...SMALLEST, bands: 'g,r,z' },
      Object.fromEntries(Object.entries(SMALLEST).reverse()),
      { ...SMALLEST, theta_e_convention: 'product' },
    ];
    for (const other of same) expect((await load(other)).hash).toBe(hash);
    const different = [{ part_rows: 100 }, { seed_base: 43 }, { conventions: 'dhs' }, { planes: 'injected,arc' }, { gain: 4 }];
    const hashes = await Promise.all(different.map(async (other) => (await load({ ...SMALLEST, ...other })).hash));
    expect(new Set([hash, ...hashes]).size).toBe(different.length + 1);
    expect(configHash(effective)).toBe(hash);
  });
});
