#!/usr/bin/env node
/**
 * The `arclet` command. In the published package it is the built CLI; in a clone it runs the sources as they are, installing what is
 * missing first, so that `npx arclet` and `npm run arclet -- ...` always show the code in front of you.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));

if (existsSync(at('src/cli/main.ts'))) {
  const { prepare, runNode } = await import('./bootstrap.mjs');
  const node = prepare();
  const embedded = runNode(node, ['scripts/embed-shaders.ts']);
  if (embedded !== 0) process.exit(embedded);
  // Not spawnSync: signals must reach the command, which finishes what it has in hand before it stops.
  const child = spawn(node, [at('src/cli/main.ts'), ...process.argv.slice(2)], { stdio: 'inherit' });
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  // A terminal sends Ctrl-C to the command as well; passing it on would count as the second one, which stops at once.
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'));
  child.on('exit', (code, signal) => process.exit(code ?? (signal === null ? 1 : 130)));
} else if (Number(process.versions.node.split('.')[0]) < 24) {
  process.stderr.write(`arclet: Node ${process.versions.node} is too old, the package needs 24 or newer.\n`);
  process.exitCode = 2;
} else {
  await import('../dist/src/cli/main.js');
}
