import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { configRow } from '../../scripts/config-rows.ts';
import { addInjectCommand } from '../../src/cli/inject.ts';
import { addStageCommand, keysHelp } from '../../src/cli/stage-command.ts';
import { BANK_KEYS, BankConfigSchema } from '../../src/pipelines/injection/bank/config.ts';
import { INJECT_ALIASES, INJECT_KEYS, InjectConfigSchema } from '../../src/pipelines/injection/config.ts';
import { BANK_SPEC } from '../../src/pipelines/injection/load-bank-config.ts';
import { INJECT_SPEC, loadInjectConfig } from '../../src/pipelines/injection/load-config.ts';
import { INJECT_STAGES, recordLocationOf } from '../../src/pipelines/injection/stages.ts';
import { jsonSchemaOf } from '../../src/pipelines/schema.ts';
import type { StageContext, StageResult } from '../../src/pipelines/stage.ts';
import { ROOT } from '../architecture/imports.ts';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'arclet-inject-'));

function arclet(...args: string[]): { status: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
    encoding: 'utf8',
    timeout: 60_000,
    cwd: folder,
  });
  return { status, out: stdout, err: stderr };
}

describe('arclet inject', () => {
  it('lists its stages with the names of the originals', () => {
    const { status, out } = arclet('inject', '--help');
    expect(status).toBe(0);
    for (const line of ['manifest|4a', 'cache|4b', 'inject|4c', 'completeness|4d', 'compact|4p5', 'replay <task_id>', 'run '])
      expect(out).toContain(`  ${line}`);
    expect(out).not.toContain('--seed-base');
  });

  it('refuses a wrong command with status 2 and writes nothing', () => {
    const { status, err } = arclet('inject', 'manifst', '--output', 'out');
    expect(status).toBe(2);
    expect(err).toContain("There is no command 'inject manifst', did you mean 'manifest'?");
    expect(readdirSync(folder)).toEqual([]);
  });

  it.each([
    [['bank', 'biuld'], 'USAGE', "There is no command 'bank biuld', did you mean 'build'?"],
    [['run', '--cosmos-bank', 'x.h5'], 'USAGE', 'Unknown option --cosmos-bank, did you mean --cosmos-bank-h5?'],
    [['run', 'debug'], 'USAGE', 'One word too many: debug.'],
    [['run', '--with', 'chek'], 'USAGE', "There is no stage 'chek' to add to a run."],
    [['run', '--shard', '1/4'], 'USAGE', 'Stage run is not cut into shards'],
    [['run', '--set', 'tires=debug'], 'CONFIG_UNKNOWN_KEY', "unknown key 'tires', did you mean 'tiers'?"],
    [['run', '--output', 'out'], 'CONFIG_INVALID', 'Stage run needs targets (or parent_s3) and coadd_cache'],
    [['4c', '--seed-base', '1'], 'CONFIG_INVALID', 'Stage inject needs output (or output_s3)'],
    [['replay', 'abc', 'def'], 'USAGE', 'One word too many: def.'],
    [['bank', 'build', '--inputs', 'x'], 'CONFIG_INVALID', 'Stage bank build needs bank'],
  ])('refuses %j', async (words, code, message) => {
    const program = new Command('arclet').exitOverride();
    addInjectCommand(program);
    const run = program.parseAsync(['inject', ...words], { from: 'user' });
    await expect(run).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
  });

  it.each([
    ['no folder of bricks', ['coadd_cache=nowhere'], 'The folder of bricks', 'is not there, and no coadd_base_url says'],
    ['a file for it', ['coadd_cache=targets.csv'], 'The folder of bricks', 'is no folder'],
    ['no bank', ['coadd_cache=bricks', 'source_mode=template', 'template_bank=lost.h5'], 'lost.h5', 'no such file'],
  ])('a run with %s fails before any stage', (_, sets, ...words) => {
    const home = mkdtempSync(join(tmpdir(), 'arclet-preflight-'));
    mkdirSync(join(home, 'bricks'));
    writeFileSync(join(home, 'targets.csv'), 'brickname,ra,dec,rmag\n');
    const all = [...sets, 'targets=targets.csv', 'output=out'].flatMap((set) => ['--set', set]);
    const { status, stderr, stdout } = spawnSync(process.execPath, [MAIN, 'inject', 'run', ...all], {
      encoding: 'utf8',
      cwd: home,
    });
    expect({ status, stdout }).toEqual({ status: 3, stdout: '' });
    for (const word of words) expect(stderr).toContain(word);
    expect(existsSync(join(home, 'out'))).toBe(false);
  });
});

/** A program with one stage, run in this process. */
describe('a stage command', () => {
  let out = '';
  let err = '';
  beforeEach(() => {
    [out, err] = ['', ''];
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      out += text;
      return true;
    });
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
      err += text;
      return true;
    });
    process.exitCode = 0;
  });
  afterEach(() => {
    vi.restoreAllMocks();
    process.exitCode = 0;
  });

  async function run(result: Partial<StageResult>, ...args: string[]) {
    const seen: { context?: StageContext; config?: Record<string, unknown> } = {};
    const program = new Command('arclet').exitOverride();
    const command = addStageCommand(program, {
      name: 'fake',
      aliases: ['4z'],
      words: 'for this test',
      spec: { ...INJECT_SPEC, help: 'arclet fake --help' },
      loadConfig: loadInjectConfig,
      recordLocation: (config, shard) => recordLocationOf({ name: 'fake', phase: '4z' }, config, shard),
      load: async () => ({
        name: 'fake',
        aliases: ['4z'],
        summary: 'A fake stage.',
        keys: ['part_rows', 'output'],
        async run(context, config) {
          Object.assign(seen, { context, config });
          return { outcome: 'done', counts: { rows: 5 }, outputs: ['/there'], summary: ['5 rows'], ...result };
        },
      }),
    });
    command.exitOverride();
    await program.parseAsync(args, { from: 'user' });
    return { ...seen, status: Number(process.exitCode) };
  }
  const output = (name: string) => ['--output', join(folder, name)];

  it('gives its stage config, shard and force, and prints what came of it', async () => {
    const args = [
      '4z',
      ...output('plain'),
      '--shard',
      '2/3',
      '--force',
      '--part-rows',
      '7',
      '--metrics-only',
      '--tiers',
      'debug,grid',
    ];
    const { context, config, status } = await run({ seconds: { read: 0.5, write: 2, wall: 2.1 } }, ...args);
    expect(status).toBe(0);
    expect(context).toMatchObject({ shard: { index: 1, count: 3 }, force: true });
    expect(config).toMatchObject({ partRows: 7, metricsOnly: true, tiers: ['debug', 'grid'] });
    expect(out).toMatch(
      /^fake: done in [\d.]+ s\n {2}5 rows\n {2}time: write 2.00 s, read 0.50 s \(parts overlap\)\n {2}-> \/there\n$/,
    );
    const record = join(folder, 'plain', 'phase4z', 'v1', '_stage_config_fake_shard-2-of-3.json');
    expect(JSON.parse(readFileSync(record, 'utf8'))).toMatchObject({ outcome: 'done', config: { part_rows: 7 }, shard: '2/3' });
  });

  it('ends with status 5 when rows failed and 1 when a check said no, naming failures', async () => {
    const failures = Array.from({ length: 12 }, (_, row) => ({ subject: `row ${row}`, reason: 'no brick' }));
    expect((await run({ outcome: 'failed-rows', failures }, 'fake', ...output('rows'))).status).toBe(5);
    expect(err).toContain('failed: row 9: no brick\n');
    expect(err).toContain('failed: 2 more are in the run record');
    expect(out).toContain('fake: done, with failures in');
    expect((await run({ outcome: 'no-go' }, 'fake', ...output('no'))).status).toBe(1);
    expect(out).toContain('fake: NO-GO in');
  });

  it('refuses a flag against its file before any work', async () => {
    const path = join(folder, 'campaign.yaml');
    writeFileSync(path, 'seed_base: 1337\noutput: contradicted\n');
    await expect(run({}, 'fake', '--config', path, '--seed-base', '42')).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    expect(existsSync(join(folder, 'contradicted'))).toBe(false);
    const { config } = await run({}, 'fake', '--config', path, '--set', 'seed_base=42', '--cache-partitions', '3');
    expect(config).toMatchObject({ seedBase: 42, output: join(folder, 'contradicted') });
    expect(err).toContain('warning: cache_partitions has no effect');
  });

  it('shows the keys that its stage reads with defaults and other names', async () => {
    await expect(run({}, 'fake', '--help')).rejects.toMatchObject({ code: 'commander.helpDisplayed' });
    expect(out).toContain('A fake stage.');
    expect(out).toMatch(/part_rows +default 2000; rows of a part/);
    expect(out).toMatch(/output_s3 +output/);
    expect(out).not.toContain('--moffat-beta');
  });

  it('has a flag for every key and alias that is no word of its own', async () => {
    const own = ['config', 'set', 'shard', 'backend', 'adapter', 'workers', 'debug', 'log_json', 'with'];
    expect(own.filter((name) => name in INJECT_KEYS || name in INJECT_ALIASES)).toEqual([]);
  });
});

describe('what is written about configs', () => {
  it('the JSON Schema has the keys and defaults in force', () => {
    const written = JSON.parse(readFileSync(join(ROOT, 'configs/schema/inject.schema.json'), 'utf8'));
    const { properties } = JSON.parse(JSON.stringify(jsonSchemaOf(InjectConfigSchema)));
    expect(written.properties).toMatchObject(properties);
    expect(Object.keys(written.properties).sort()).toEqual([...Object.keys(INJECT_KEYS), ...Object.keys(INJECT_ALIASES)].sort());
    expect(written.properties.bands.default).toEqual(['g', 'r', 'z']);
    expect(written.properties.custom_grid.required).toEqual(['theta_e_arcsec', 'src_dmag', 'src_reff_arcsec']);
  });

  it('the JSON Schema of banks has theirs', () => {
    const written = JSON.parse(readFileSync(join(ROOT, 'configs/schema/bank.schema.json'), 'utf8'));
    expect(written.properties).toMatchObject(JSON.parse(JSON.stringify(jsonSchemaOf(BankConfigSchema))).properties);
    expect(Object.keys(written.properties).sort()).toEqual([...Object.keys(BANK_KEYS), ...Object.keys(BANK_SPEC.aliases)].sort());
  });

  it('docs/inject.md lists every key with its default', () => {
    const [, tables] = readFileSync(join(ROOT, 'docs/inject.md'), 'utf8').split('\n## Keys\n');
    const rows = tables.split('\n');
    const keys = Object.keys(INJECT_KEYS);
    expect(keys.filter((key) => !rows.includes(configRow(key)))).toEqual([]);
    expect(rows.filter((row) => row.startsWith('| `')).length).toBe(keys.length);
  });

  it('the example configs load', async () => {
    const names = readdirSync(join(ROOT, 'configs')).filter((name) => /\.(ya?ml|json)$/.test(name));
    expect(names.length).toBeGreaterThanOrEqual(3);
    for (const name of names) {
      const { warnings } = await loadInjectConfig({ path: join(ROOT, 'configs', name) });
      expect(warnings, name).toEqual([]);
    }
  });

  it('the key table says what a list may hold', () => {
    expect(keysHelp(INJECT_SPEC, ['tiers', 'bands'])).toMatch(
      /tiers +default \["debug","grid","train"\];.*"debug" \| "grid" \| "train"/,
    );
  });

  it('every stage reads keys that exist, under its own name', async () => {
    for (const entry of INJECT_STAGES) {
      const stage = await entry.load();
      expect([stage.name, ...stage.aliases]).toEqual([entry.name, ...entry.aliases]);
      expect(stage.keys.filter((key) => !(key in INJECT_KEYS))).toEqual([]);
    }
  });
});
