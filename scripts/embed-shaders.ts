/**
 * Embeds shaders/**\/*.wgsl into kernels/shaders.generated.ts, so that the same kernels run in Node and in a browser.
 * The file is rewritten only when its text changes (a watcher must not see a change that is none).
 */
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');

/** Writes kernels/shaders.generated.ts below `root`; true when the text changed. */
export function embedShaders(root: string = ROOT): boolean {
  const folder = join(root, 'shaders');
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.wgsl'))
    .map((path) => path.split(sep).join('/'))
    .sort();
  const entries = paths.map(
    (path) => `  ${JSON.stringify(path)}: ${JSON.stringify(readFileSync(join(folder, path), 'utf8'))},\n`,
  );
  const text = `// Made by scripts/embed-shaders.ts from shaders/. Do not edit.\n\n/** WGSL text by path below shaders/. */\nexport const SHADERS: Readonly<Record<string, string>> = {\n${entries.join('')}};\n`;
  const target = join(root, 'kernels', 'shaders.generated.ts');
  if (existsSync(target) && readFileSync(target, 'utf8') === text) return false;
  const temporary = `${target}.${process.pid}.tmp`;
  writeFileSync(temporary, text);
  renameSync(temporary, target);
  return true;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) embedShaders();
