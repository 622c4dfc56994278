/** What README tells people to type works as it stands there. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { loadInjectConfig } from '../../src/pipelines/injection/load-config.ts';
import { parseRows } from '../../src/pipelines/injection/rows.ts';
import { ROOT } from '../architecture/imports.ts';

const README = readFileSync(join(ROOT, 'README.md'), 'utf8');

function block(language: string, number = 0): string {
  const found = [...README.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'))][number]?.[1];
  if (found === undefined) throw new RangeError(`README has no ${language} block ${number}`);
  return found;
}

describe('README', () => {
  it('shows a rows file that is one', () => {
    expect(parseRows(block('json', 1)).rows.length).toBe(1);
  });

  it('shows a campaign that is one, the smallest', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'arclet-readme-')), 'campaign.json');
    writeFileSync(path, block('json'));
    const { config, warnings } = await loadInjectConfig({ path });
    expect(warnings).toEqual([]);
    expect(config).toMatchObject({ tiers: ['debug'], stampSizes: [64], planes: ['injected'] });
  });

  it('shows a program that runs', () => {
    const path = join(mkdtempSync(join(tmpdir(), 'arclet-readme-')), 'example.ts');
    writeFileSync(path, block('ts').replace("'arclet'", `'${pathToFileURL(join(ROOT, 'src/index.ts')).href}'`));
    const { status, stdout, stderr } = spawnSync(process.execPath, [path], { encoding: 'utf8', timeout: 60_000 });
    expect({ status, stderr }).toEqual({ status: 0, stderr: expect.not.stringContaining('Error') });
    expect(stdout).toMatch(/^(cpu|gpu) \[ 1, 1, 64, 64 \] [\d.e-]+\n$/);
  });

  it('links to files that exist', () => {
    const links = [...README.matchAll(/\]\(([^):]+)\)/g)].map(([, path]) => path);
    expect(links.length).toBeGreaterThan(5);
    expect(links.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });
});
