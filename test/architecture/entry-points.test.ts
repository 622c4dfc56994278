/** `arclet/fits` and `arclet/wcs` are used alone: they bring nothing of the rest, and run in a browser. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { importsOf, ROOT } from './imports.ts';

const sourceOf = (built: string) => built.replace('./dist/', '').replace(/\.js$/, '.ts');

/** Every file of ours that an entry loads. */
function reached(entry: string): string[] {
  const seen = new Set([entry]);
  for (const file of seen) for (const { to } of importsOf(file)) if (to !== undefined) seen.add(to);
  return [...seen];
}

describe.each([
  ['./fits', /^src\/(io\/fits\/|core\/|io\/store\/source\.ts$)/],
  ['./wcs', /^src\/(sky\/wcs\/|core\/)/],
] as const)('arclet%s', (entry, own) => {
  const { default: built, types } = manifest.exports[entry];
  const source = sourceOf(built);

  it('names a source that exists, and its types', () => {
    expect(existsSync(join(ROOT, source))).toBe(true);
    expect(types).toBe(built.replace(/\.js$/, '.d.ts'));
  });

  it('imports its own folder and core, and no package', () => {
    const files = reached(source);
    expect(files.length).toBeGreaterThan(15);
    expect(files.filter((file) => !own.test(file))).toEqual([]);
    // Modules of Node fail in the bundle below; a type that is imported from them does not count.
    const packages = files.flatMap(importsOf).filter(({ to, specifier }) => to === undefined && !specifier.startsWith('node:'));
    expect(packages).toEqual([]);
  });

  it('bundles for a browser', async () => {
    const { outputFiles } = await build({
      entryPoints: [join(ROOT, source)],
      bundle: true,
      platform: 'browser',
      format: 'esm',
      write: false,
      logLevel: 'silent',
    });
    expect(outputFiles[0].text).not.toMatch(/from\s*["']node:|\bBuffer\b/);
  });
});
