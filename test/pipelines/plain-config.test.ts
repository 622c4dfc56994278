import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { loadPlainConfig } from '../../src/pipelines/plain-config.ts';
import { edgeObject } from '../../src/pipelines/schema.ts';

describe('a config that needs no more than its schema', () => {
  const keys = { inputs: z.array(z.string()), bank: z.string().optional(), n_sources: z.coerce.number().default(3) };
  const spec = { help: 'arclet x --help', keys, aliases: {}, locationKeys: ['inputs', 'bank'] };
  const schema = edgeObject(keys);

  it('resolves lists of places and hashes what is not neutral', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'arclet-config-'));
    const below = join(folder, 'below');
    const path = join(folder, 'config.json');
    writeFileSync(path, JSON.stringify({ inputs: ['a.fits', 's3://b/c'] }));
    const one = await loadPlainConfig(spec, schema, ['bank'], { path, flags: { bank: 'bank.h5' }, cwd: below });
    expect(one.config).toEqual({ inputs: [join(folder, 'a.fits'), 's3://b/c'], bank: join(below, 'bank.h5'), nSources: 3 });
    expect(one.effective).toEqual({ inputs: one.config.inputs, bank: one.config.bank, n_sources: 3 });
    const two = await loadPlainConfig(spec, schema, ['bank'], { flags: { inputs: 'a.fits, s3://b/c' }, cwd: folder });
    expect(two.config.inputs).toEqual(one.config.inputs);
    expect(two.hash).toBe(one.hash);
    const three = await loadPlainConfig(spec, schema, ['bank'], { path, sets: ['n_sources=4'], cwd: below });
    expect(three.hash).not.toBe(one.hash);
  });
});
