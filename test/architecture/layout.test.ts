import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { KERNELS } from '../../kernels/index.ts';
import * as entry from '../../src/index.ts';
import { filesBelow, ROOT } from './imports.ts';

const LINES = 350;
const FORBIDDEN = /\b(sin|cos|tan|atan|atan2|acos|asin|tanh|atanh|sinh|cosh|asinh|acosh)\s*\(/;

const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');

/** WGSL without comments, line breaks kept. */
function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ' ')).replace(/\/\/[^\n]*/g, '');
}

function forbiddenIn(file: string, text: string): string[] {
  return withoutComments(text)
    .split('\n')
    .flatMap((line, index) => {
      const builtin = FORBIDDEN.exec(line)?.[1];
      return builtin === undefined
        ? []
        : [`${file}:${index + 1} calls ${builtin}, whose error is up to 2^-11: take it from lib/math.wgsl`];
    });
}

describe('every kernel has its six places', () => {
  for (const slug of Object.keys(KERNELS)) {
    it(slug, () => {
      const places = [
        `shaders/${slug}.wgsl`,
        ...['spec', 'gpu', 'cpu'].map((part) => `kernels/${slug}/${part}.ts`),
        `test/kernels/${slug}.test.ts`,
        `docs/kernels/${slug}.md`,
      ];
      expect(places.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
      expect(KERNELS[slug].spec.slug).toBe(slug);
    });
  }

  it('and every folder with a spec is in the registry', () => {
    const folders = filesBelow('kernels', '/spec.ts').map((file) => file.split('/')[1]);
    expect(folders.filter((slug) => !Object.hasOwn(KERNELS, slug))).toEqual([]);
  });
});

describe('shaders', () => {
  it('call no transcendental builtin of poor accuracy', () => {
    expect(filesBelow('shaders', '.wgsl').flatMap((file) => forbiddenIn(file, read(file)))).toEqual([]);
  });

  it('are searched well: calls are found, comments and own names are not', () => {
    expect(forbiddenIn('x', 'let a = my_sin(b); // sin(x)\n/* cos(x)\n */ let c = atan2 (y, x);')).toEqual([
      expect.stringMatching(/^x:3 calls atan2/),
    ]);
  });

  it('stand alone in their folder', () => {
    expect(filesBelow('shaders', '').filter((file) => /\.[^/.]+$/.test(file) && !file.endsWith('.wgsl'))).toEqual([]);
  });
});

describe('files', () => {
  it(`are shorter than ${LINES} lines`, () => {
    const folders = ['src', 'kernels', 'bench', 'test', 'scripts'];
    const files = [
      ...folders.flatMap((folder) => filesBelow(folder, '.ts')),
      ...filesBelow('shaders', '.wgsl'),
      ...filesBelow('scripts', '.mjs'),
    ];
    const long = files.map((file) => [file, read(file).split('\n').length] as const).filter(([, lines]) => lines >= LINES);
    expect(long).toEqual([]);
  });
});

describe('the package entry', () => {
  it('exports what it says and nothing else', () => {
    const names = ['ArcletError', 'isArcletError', 'nodeEnvironment', 'openEngine', 'parseRows', 'renderLensed'];
    expect(Object.keys(entry).sort()).toEqual(names);
  });
});
