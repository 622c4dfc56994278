#!/usr/bin/env node
/**
 * Runs a task of this repository from a fresh clone, with any Node >= 20 and npm: installs what is missing, then hands over to
 * the Node that npm installed (devDependency `node`), which runs TypeScript as it is.
 *
 *   node scripts/bootstrap.mjs start|test|check|build|schema [arguments]
 *
 * Plain JavaScript without dependencies, because it runs before anything is installed and on Nodes that know no TypeScript.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
const NODE_MAJOR = 24;

/** What a task runs, in order; the first failure ends it. `rest` are the words after the task's name. */
const TASKS = {
  start: (rest) => [
    ['src/cli/main.ts', 'demo', 'survey', '--out', 'out/demo', '--bricks', '2'],
    ['src/cli/main.ts', 'inject', 'run', '--config', 'out/demo/inject.yaml', ...rest],
  ],
  check: () => [
    [tool('typescript', 'tsc'), '-p', '.'],
    [tool('@biomejs/biome', 'biome'), 'check', '.'],
  ],
  test: (rest) => [...TASKS.check(), [tool('vitest', 'vitest'), 'run', ...rest]],
  build: () => [[tool('typescript', 'tsc'), '-p', 'tsconfig.build.json']],
  schema: () => [['scripts/write-schemas.ts']],
};

function read(path) {
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined;
}

/** The script behind a package's command: run with our own Node, so no shell and no .cmd file is in the way. */
function tool(name, command) {
  const folder = join(ROOT, 'node_modules', name);
  const { bin } = read(join(folder, 'package.json'));
  return join(folder, typeof bin === 'string' ? bin : bin[command]);
}

/** Packages that the lock asks for and node_modules does not have in that version. */
function missingPackages() {
  const wanted = read(join(ROOT, 'package-lock.json'))?.packages ?? {};
  const present = read(join(ROOT, 'node_modules', '.package-lock.json'))?.packages ?? {};
  return Object.keys(wanted).filter(
    (path) => path !== '' && !wanted[path].optional && present[path]?.version !== wanted[path].version,
  );
}

/** npm by the Node that started us: the one in node_modules may be replaced while npm runs. */
function npm(args, cwd = ROOT) {
  const script = process.env.npm_execpath;
  const viaScript = script?.endsWith('.js') ?? false;
  const node = process.env.npm_node_execpath ?? process.execPath;
  const [command, words] = viaScript ? [node, [script, ...args]] : ['npm', args];
  return spawnSync(command, words, { cwd, stdio: 'inherit', shell: !viaScript && process.platform === 'win32' }).status ?? 1;
}

/** node_modules/node's own folder differs by platform; `bin` in its package.json says where the program is. */
function ownNode() {
  const folder = join(ROOT, 'node_modules', 'node');
  const bin = read(join(folder, 'package.json'))?.bin?.node;
  return bin === undefined ? undefined : join(folder, bin);
}

function majorOf(node) {
  if (node === undefined || !existsSync(node)) return 0;
  const { stdout } = spawnSync(node, ['--version'], { encoding: 'utf8' });
  return Number(/^v(\d+)\./.exec(stdout ?? '')?.[1] ?? 0);
}

function fail(message) {
  process.stderr.write(`arclet: ${message}\n`);
  process.exit(2);
}

/** Makes node_modules match the lock and returns the path of a Node that runs TypeScript. */
export function prepare() {
  if (Number(process.versions.node.split('.')[0]) < 20) fail(`Node ${process.versions.node} is too old, 20 or newer is needed.`);
  const missing = missingPackages();
  if (missing.length > 0) {
    process.stderr.write(`arclet: installing ${missing.length} packages from npm (once)\n`);
    const install = existsSync(join(ROOT, 'package-lock.json')) ? 'ci' : 'install';
    const quiet = ['--no-audit', '--no-fund', '--loglevel=error', '--prefer-offline', '--fetch-retries=5'];
    if (npm([install, ...quiet]) !== 0)
      fail('npm could not install the packages: see its message above, then run the same command again.');
  }
  // Where install scripts are switched off, the package `node` has not fetched its program yet.
  if (majorOf(ownNode()) < NODE_MAJOR && Number(process.versions.node.split('.')[0]) < NODE_MAJOR) {
    const folder = join(ROOT, 'node_modules', 'node');
    rmSync(join(folder, 'node_modules'), { recursive: true, force: true });
    spawnSync(process.execPath, ['installArchSpecificPackage.js'], { cwd: folder, stdio: 'inherit' });
  }
  const node = [ownNode(), process.execPath].find((path) => majorOf(path) >= NODE_MAJOR);
  if (node === undefined)
    fail(`no Node ${NODE_MAJOR} came with the packages: install Node ${NODE_MAJOR} yourself, then run the same command again.`);
  return node;
}

/** Runs one program to its end, with our Node first on the PATH so that everything it starts uses the same. */
export function runNode(node, args) {
  const separator = process.platform === 'win32' ? ';' : ':';
  const path = [dirname(node), process.env.PATH ?? ''].join(separator);
  const result = spawnSync(node, args, { cwd: ROOT, stdio: 'inherit', env: { ...process.env, PATH: path } });
  return result.status ?? 1;
}

function main([task, ...rest]) {
  if (!Object.hasOwn(TASKS, task ?? '')) fail(`no task '${task ?? ''}': there are ${Object.keys(TASKS).join(', ')}.`);
  const node = prepare();
  const steps = [['scripts/embed-shaders.ts'], ...TASKS[task](rest)];
  for (const args of steps) {
    const status = runNode(node, args);
    if (status !== 0) process.exit(status);
  }
}

if (process.argv[1] && fileURLToPath(import.meta.url) === process.argv[1]) main(process.argv.slice(2));
