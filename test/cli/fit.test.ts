import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { fitRows } from '../../scripts/fit-rows.ts';
import { fitJsonSchema } from '../../scripts/fit-schema.ts';
import { FIT_ALIASES, FitFileSchema } from '../../src/pipelines/photometry/config.ts';
import { sampleConfig } from '../../src/pipelines/photometry/config-sample.ts';
import { FIT_KEYS, loadFitConfig } from '../../src/pipelines/photometry/load-config.ts';
import { openLogFile } from '../../src/pipelines/photometry/log-file.ts';
import { jsonSchemaOf } from '../../src/pipelines/schema.ts';
import { ROOT } from '../architecture/imports.ts';
import { freshFolder, writeField } from '../support/fit-field.ts';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

function arclet(folder: string, ...args: string[]): { status: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, 'fit', ...args], {
    encoding: 'utf8',
    timeout: 60_000,
    cwd: folder,
  });
  return { status, out: stdout, err: stderr };
}

const FIELD = {
  images: [{ name: 'a.fits' }],
  catalogue: 'ID,RA,DEC,TYPE\n01,150.25,2.5,STAR\n',
  yaml: 'crop: {margin: 5}\nzp: {enabled: false}\n',
};

describe('arclet fit', () => {
  it('runs: work folder, log, snapshot, record, white stack, and says where it ends', () => {
    const folder = freshFolder();
    writeField(folder, { ...FIELD, yaml: `${FIELD.yaml}epsf: {epsf_ngrid: 1, use_gaiaxp: false}\n` });
    const { status, out, err } = arclet(
      folder,
      'run',
      '--config',
      'config.yaml',
      '--backend',
      'cpu',
      '--workers',
      '0',
      '--set',
      'plotting.dpi=75',
    );
    expect(err).toContain('1 of 1 sources are fitted');
    expect(status).toBe(0);
    expect(out).toContain('fits come with the next version of arclet');
    const work = join(folder, 'work');
    const names = readdirSync(work);
    for (const name of ['white.fits', 'white_sigma.fits', 'wcs.fits', 'run.log', '_stage_config_run.json'])
      expect(names).toContain(name);
    const [snapshot] = names.filter((name) => /^config_used_\d{8}_\d{6}\.yaml$/.test(name));
    expect(readFileSync(join(work, snapshot), 'utf8')).toBe(readFileSync(join(folder, 'config.yaml'), 'utf8'));
    expect(readFileSync(join(work, 'run.log'), 'utf8')).toMatch(
      /^\d{4}-\d\d-\d\d [\d:]{8},\d{3} \| arclet\.fit\.run \| INFO \| arclet fit run --config .*\n/,
    );
    expect(readFileSync(join(work, 'run.log'), 'utf8')).toContain('run: done in');
    const record = JSON.parse(readFileSync(join(work, '_stage_config_run.json'), 'utf8'));
    expect(record).toMatchObject({
      outcome: 'done',
      counts: { images: 1, sources: 1, active: 1 },
      config: { crop: { margin: 5 }, plotting: { dpi: 75 } },
      overrides: [{ key: 'plotting.dpi', value: 75, instead_of_origin: 'default' }],
      seconds: { load: expect.any(Number), epsf: expect.any(Number) },
      inputs: { images: [{ band: 'm400', zp_auto: 24 }] },
    });
  }, 20_000);

  it('validates without writing, and says all that is wrong at once', () => {
    const folder = freshFolder();
    writeField(folder, FIELD);
    const fine = arclet(folder, 'validate', '--config', 'config.yaml');
    expect([fine.status, fine.out]).toEqual([0, expect.stringContaining('1 sources, 1 of them in the working frame')]);
    writeField(folder, {
      ...FIELD,
      catalogue: 'ID,X\n1,2\n',
      images: [{ name: 'a.fits', cards: { EGAIN: undefined } }],
      inputs: '  gaiaxp_synphot_csv: gaia.csv\n',
      yaml: '',
    });
    writeFileSync(join(folder, 'gaia.csv'), 'ra,dec,mag_m400\n1,2,3\n');
    const { status, err } = arclet(folder, 'validate', '--config', 'config.yaml');
    expect(status).toBe(3);
    for (const words of [
      'cat.csv has no column RA',
      'EGAIN (e-/ADU) is missing',
      'gaia.csv has no column source_id, phot_g_mean_mag',
    ])
      expect(err).toContain(words);
    expect(existsSync(join(folder, 'work'))).toBe(false);
  });

  it('validates Gaia tables by what the profile would do with them', () => {
    const folder = freshFolder();
    const images = [{ name: 'a.fits' }, { name: 'b.fits', cards: { FILTER: 'm425' } }];
    const inputs = '  gaiaxp_synphot_csv: gaia.csv\n';
    writeField(folder, { ...FIELD, images, inputs, yaml: 'crop: {margin: 5}\n' });
    const validate = (gaia: string, ...more: string[]) => {
      writeFileSync(join(folder, 'gaia.csv'), gaia);
      return arclet(folder, 'validate', '--config', 'config.yaml', ...more);
    };
    const without = 'SOURCE_ID,ra,dec,phot_g_mean_mag,mag_m400\n1,2,3,4,5\n';
    const ours = validate(without);
    expect([ours.status, ours.err]).toEqual([3, expect.stringMatching(/gaia\.csv has no column mag_m425\.\n/)]);
    const original = validate(without, '--profile', 'tract7dt');
    const words = 'has no mag_m425: in these bands injected rows have flux 0, and PSFs get no Gaia stars';
    expect([original.status, original.err]).toEqual([0, expect.stringContaining(words)]);
    const seeds = validate('RA,dec\n1,2\n', '--set', 'zp.enabled=false');
    expect([seeds.status, seeds.err]).toEqual([0, expect.stringContaining('in these bands PSFs get no Gaia stars')]);
    const lost = validate('source_id,ra,dec,phot_g_mean_mag,mag_m400,mag_m425\n5.8e18,2,3,4,5,6\n');
    expect([lost.status, lost.err]).toEqual([3, expect.stringContaining('which have lost its last digits')]);
  });

  it('keeps the reason of a failure in the log file and the record', () => {
    const folder = freshFolder();
    writeField(folder, { ...FIELD, images: [{ name: 'a.fits', cards: { SKYSIG: undefined } }] });
    const { status, err } = arclet(folder, 'run-epsf', '--config', 'config.yaml');
    expect([status, err]).toEqual([3, expect.stringContaining('a.fits: SKYSIG (ADU) is missing')]);
    expect(readFileSync(join(folder, 'work/run-epsf.log'), 'utf8')).toMatch(/\| ERROR \| 1 of 1 images cannot be used: .*SKYSIG/);
    expect(JSON.parse(readFileSync(join(folder, 'work/_stage_config_run-epsf.json'), 'utf8'))).toMatchObject({
      outcome: 'error',
      error: { code: 'INPUT_INVALID' },
    });
  });

  it.each([
    [['merge', '--config', 'config.yaml'], 'arclet fit merge is not in this version'],
    [['compute-zp'], 'Run `arclet fit run-epsf` up to the effective PSFs'],
    [['download-sample'], '`arclet demo scene --out DIR` makes a field'],
    [['mrege'], "There is no command 'fit mrege', did you mean 'merge'?"],
    [['run'], 'arclet fit needs a config file'],
    [['run-epsf', '--config', 'bad.yaml'], "unknown key 'crop.margn', did you mean 'crop.margin'?"],
    [['run', '--config', 'config.yaml', '--profile', 'other'], 'Allowed choices are arclet, tract7dt'],
  ])('refuses %j with status 2', (args, message) => {
    const folder = freshFolder();
    writeField(folder, FIELD);
    writeFileSync(join(folder, 'bad.yaml'), 'crop: {margn: 3}\n');
    const { status, err } = arclet(folder, ...args);
    expect([status, err]).toEqual([2, expect.stringContaining(message)]);
    expect(existsSync(join(folder, 'work'))).toBe(false);
  });

  it('writes a sample config with every key, which loads', async () => {
    const folder = freshFolder();
    expect(arclet(folder, 'dump-config', '--out', 'sub/my.yaml').status).toBe(0);
    const again = arclet(folder, 'dump-config', '--out', 'sub/my.yaml');
    expect([again.status, again.err]).toEqual([2, expect.stringContaining('is there already')]);
    expect(arclet(folder, 'dump-config', '--out', 'sub/my.yaml', '--force').status).toBe(0);
    const text = readFileSync(join(folder, 'sub/my.yaml'), 'utf8');
    expect(text).toBe(sampleConfig());
    // YAML 1.1, which PyYAML reads, takes 1e-9 for text.
    expect(text).toContain('cd: 1.0e-9');
    expect(text).not.toMatch(/: -?\d+e/);
    const path = join(folder, 'sub/my.yaml');
    writeFileSync(join(folder, 'images.txt'), 'a.fits\n');
    const { config, origin } = await loadFitConfig({ path, sets: [`inputs.image_list_file=${join(folder, 'images.txt')}`] });
    expect(config.outputs.workDir).toBe(join(folder, 'sub/path/to/work_dir'));
    expect(FIT_KEYS.filter((key) => origin[key] === 'default')).toEqual([]);
  });
});

describe('the log file', () => {
  it('has the format and level of the config', () => {
    const path = join(freshFolder(), 'deep/my.log');
    const log = openLogFile(
      path,
      { level: 'WARNING', format: '%(levelname)-8s %(name)s %(process)d: %(message)s', file: path, ignoreWarnings: true },
      'run',
    );
    const told: string[] = [];
    const both = log.tee({ info: (_event, message) => told.push(message), progress: () => undefined });
    both.info('loaded', 'fine');
    both.info('warning', 'warning: odd');
    log.error(new Error('no'));
    expect(told).toEqual(['fine', 'warning: odd']);
    expect(readFileSync(path, 'utf8')).toBe('WARNING arclet.fit.run %(process)d: odd\nERROR arclet.fit.run %(process)d: no\n');
  });
});

describe('a log file on a full disk', () => {
  it('ends, says so once, and stops nothing', () => {
    // /dev/full takes an empty write and no other; it is a device of Linux.
    if (!existsSync('/dev/full')) return;
    const log = openLogFile(
      '/dev/full',
      { level: 'INFO', format: '%(message)s', file: '/dev/full', ignoreWarnings: true },
      'run',
    );
    const told: string[] = [];
    const both = log.tee({ info: (_event, message) => told.push(message), progress: () => undefined });
    both.info('loaded', 'one');
    both.info('loaded', 'two');
    log.error(new Error('three'));
    expect(told).toEqual(['one', expect.stringMatching(/^warning: \/dev\/full ends here, it cannot be written: ENOSPC/), 'two']);
  });
});

describe('what is written about the config', () => {
  it('the JSON Schema and docs/photometry.md have the keys and defaults in force', () => {
    const written = JSON.parse(readFileSync(join(ROOT, 'configs/schema/fit.schema.json'), 'utf8'));
    expect(written.properties).toEqual(JSON.parse(JSON.stringify(fitJsonSchema())).properties);
    const rows = readFileSync(join(ROOT, 'docs/photometry.md'), 'utf8').split('\n');
    expect(fitRows().filter((row) => !rows.includes(row))).toEqual([]);
    expect(fitRows()).toHaveLength(FIT_KEYS.length);
  });

  it('the JSON Schema takes the spellings of 0.6.0, as deprecated, and says where they went', () => {
    const today = jsonSchemaOf(FitFileSchema) as { properties: Record<string, { properties: object }> };
    const schema = fitJsonSchema().properties ?? {};
    for (const [alias, key] of Object.entries(FIT_ALIASES)) {
      const [section, name] = alias.split('.');
      expect(today.properties[section].properties).not.toHaveProperty(name);
      expect(schema[section].properties?.[name]).toMatchObject({
        deprecated: true,
        description: expect.stringContaining(key ?? 'without effect'),
      });
    }
    expect(schema['crop'].properties?.['overlay_downsample_full']).toMatchObject({ type: 'integer', exclusiveMinimum: 0 });
    expect(schema['crop'].properties?.['margin']).not.toHaveProperty('deprecated');
  });
});
