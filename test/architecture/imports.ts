/** Walks the sources and finds every import, with file and line. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export interface Import {
  /** Importing file, from the root, with forward slashes. */
  readonly from: string;
  readonly line: number;
  /** As written: './x.ts', 'node:fs', 'zod'. */
  readonly specifier: string;
  /** The file it names, from the root, if it is one of ours. */
  readonly to: string | undefined;
  readonly typeOnly: boolean;
}

/** Files below `folder` whose names end in `ending`, from the root; generated ones are not ours. */
export function filesBelow(folder: string, ending: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending) && !name.includes('.generated.'))
    .map((name) => `${folder}/${name.split(sep).join('/')}`)
    .sort();
}

const PATTERN =
  /(?:^|\n)\s*(import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s*)?'([^']+)'|\bimport\(\s*'([^']+)'\s*\)|new URL\(\s*[`']([^`']+\.ts)[`'],\s*import\.meta\.url\)/g;

export function importsOf(file: string): Import[] {
  return importsIn(file, readFileSync(join(ROOT, file), 'utf8'));
}

/** Imports and re-exports, static and dynamic, and modules named by URL (workers). */
export function importsIn(file: string, text: string): Import[] {
  return [...text.matchAll(PATTERN)].map((match) => {
    const specifier = match[3] ?? match[4] ?? match[5];
    // Where the quoted name stands: an import may start lines above it.
    const at = match.index + match[0].lastIndexOf(specifier);
    const to = specifier.startsWith('.')
      ? relative(ROOT, resolve(ROOT, dirname(file), specifier))
          .split(sep)
          .join('/')
      : undefined;
    return { from: file, line: text.slice(0, at).split('\n').length, specifier, to, typeOnly: match[2] !== undefined };
  });
}
