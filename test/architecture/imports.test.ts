import { describe, expect, it } from 'vitest';
import { filesBelow, type Import, importsIn, importsOf } from './imports.ts';

/** Lower imports nothing of what is higher; `src/index.ts` and `src/browser.ts` put all of it together below the command line. */
const LAYERS: readonly (readonly [prefix: string, layer: number])[] = [
  ['src/core/', 0],
  ['src/sky/', 1],
  ['src/gpu/', 2],
  ['src/cpu/', 2],
  ['src/engine/', 3],
  ['kernels/', 4],
  ['src/io/', 4],
  ['src/report/', 4],
  ['src/pipelines/', 5],
  ['src/index.ts', 6],
  ['src/browser.ts', 6],
  ['bench/', 6],
  ['src/cli/', 7],
];

/** `src/engine/kernel.ts` and `executor.ts` are contracts without code: cpu and gpu serve them, so they may name their types. */
const CONTRACTS = ['src/engine/kernel.ts', 'src/engine/executor.ts'];

const FILES = [...filesBelow('src', '.ts'), ...filesBelow('kernels', '.ts'), ...filesBelow('bench', '.ts')];
const IMPORTS = FILES.flatMap(importsOf);

const layerOf = (file: string) => LAYERS.find(([prefix]) => file.startsWith(prefix));
const place = ({ from, line, specifier }: Import) => `${from}:${line} imports ${specifier}`;
const isNodeFile = (file: string) => /(^|[/.])node\.ts$/.test(file);

function breaksDirection({ from, to, typeOnly }: Import): boolean {
  if (to === undefined || (typeOnly && CONTRACTS.includes(to))) return false;
  const [source, target] = [layerOf(from), layerOf(to)];
  if (source === undefined || target === undefined) return to !== 'kernels/shaders.generated.ts' && !to.endsWith('.d.ts');
  return target[1] > source[1] || (target[1] === source[1] && target[0] !== source[0]);
}

describe('import directions', () => {
  it('finds imports of every kind with their lines', () => {
    const text =
      "import { a } from '../core/errors.ts';\nimport type {\n  B,\n} from './b.ts';\nexport { c } from 'zod';\nconst d = await import('node:fs');\n";
    expect(importsIn('src/io/x.ts', text).map(({ line, to, specifier, typeOnly }) => [line, to ?? specifier, typeOnly])).toEqual([
      [1, 'src/core/errors.ts', false],
      [4, 'src/io/b.ts', true],
      [5, 'zod', false],
      [6, 'node:fs', false],
    ]);
  });

  it('knows an import that goes up', () => {
    const [up] = importsIn('src/core/x.ts', "import { openEngine } from '../engine/engine.ts';");
    expect(breaksDirection(up)).toBe(true);
    const [across] = importsIn('src/io/x.ts', "import { KERNELS } from '../../kernels/index.ts';");
    expect(breaksDirection(across)).toBe(true);
  });

  it('covers every file', () => {
    expect(FILES.filter((file) => layerOf(file) === undefined && !file.endsWith('.d.ts'))).toEqual([]);
    expect(IMPORTS.length).toBeGreaterThan(100);
  });

  it('go down only', () => {
    expect(IMPORTS.filter(breaksDirection).map(place)).toEqual([]);
  });

  it('of the twins are core, sky and plain types of their spec', () => {
    const allowed = (item: Import) =>
      item.to?.startsWith('src/core/') || item.to?.startsWith('src/sky/') || item.to?.startsWith('kernels/') || item.typeOnly;
    const twins = IMPORTS.filter(({ from }) => /^kernels\/[^/]+\/cpu\.ts$/.test(from));
    expect(twins.filter((item) => !allowed(item)).map(place)).toEqual([]);
  });

  it('of `webgpu` stand in src/gpu/node.ts alone', () => {
    const users = IMPORTS.filter(({ specifier }) => specifier === 'webgpu');
    expect([...new Set(users.map(({ from }) => from))]).toEqual(['src/gpu/node.ts']);
  });

  it('of Node stay out of what runs in a browser, but for files called node.ts', () => {
    const browser = /^(src\/(core|sky|gpu|cpu|engine)|kernels)\//;
    const offenders = IMPORTS.filter(
      ({ from, specifier }) => browser.test(from) && specifier.startsWith('node:') && !isNodeFile(from),
    );
    expect(offenders.map(place)).toEqual([]);
  });

  it('of packages are those that package.json names', async () => {
    const manifest = (await import('../../package.json', { with: { type: 'json' } })).default;
    const dependencies = { ...manifest.dependencies, ...manifest.optionalDependencies };
    const packages = IMPORTS.filter(
      ({ to, specifier, typeOnly }) => to === undefined && !specifier.startsWith('node:') && !typeOnly,
    );
    const unknown = packages.filter(({ specifier }) => !Object.keys(dependencies).includes(specifier.split('/').slice(0, specifier.startsWith('@') ? 2 : 1).join('/'))); // biome-ignore format: one chain
    expect(unknown.map(place)).toEqual([]);
  });
});
