/**
 * A long run of the render chain: memory must stay flat. `node bench/soak.ts [rows] [stamp px] [backend] [workers]`
 *
 * Prints resident memory and pool bytes every 5 % and exits 1 when memory grew by more than 50 MB after the first tenth, or a pool reports a leak.
 */
import { performance } from 'node:perf_hooks';
import { openEngine } from '../src/index.ts';
import { renderChain, renderInputs } from '../src/pipelines/injection/render.ts';
import { planRow } from '../src/pipelines/injection/render-plan.ts';
import { prepareRows } from '../src/pipelines/injection/render-rows.ts';
import { parseRows } from '../src/pipelines/injection/rows.ts';
import { randomRows } from './random-rows.ts';

const [rows = 1_000_000, size = 16] = process.argv.slice(2, 4).map(Number);
const backend = (process.argv[4] ?? 'cpu') as 'cpu' | 'gpu';
const workers = Number(process.argv[5] ?? 2);
const BATCH = 512;
const GROWTH_LIMIT_MB = 50;

const leaks: string[] = [];
const engine = await openEngine({
  backend,
  workers,
  adapter: backend === 'gpu' ? 'software' : undefined,
  onEvent: (event) => {
    if (event.kind === 'leak') leaks.push(JSON.stringify(event));
  },
});
const file = parseRows(randomRows({ count: BATCH, size, seed: 1, psfFwhmArcsec: [0.8, 0.8] }));
const prepared = prepareRows(file, undefined);
const choices = { oversample: 'auto', convolveOversample: 1, method: 'auto' } as const;
const plan = planRow(prepared.rows[0], size, file.grid.pixscaleArcsec, choices);
const inputs = renderInputs(plan, prepared.rows, prepared);
const chain = renderChain(plan, { template: prepared.bank.side, psf: prepared.psfBank.side }, false);

function* batches(): Generator<{ inputs: typeof inputs; count: number }> {
  for (let done = 0; done < rows; done += BATCH) yield { inputs, count: BATCH };
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(0);
const begin = performance.now();
let done = 0;
let reference = 0;
let worst = 0;
let nextReport = 0;
for await (const batch of engine.stream(chain, batches())) {
  done += batch.count;
  if (done < nextReport) continue;
  nextReport += rows / 20;
  const rss = process.memoryUsage.rss();
  if (reference === 0 && done >= rows / 10) reference = rss;
  if (reference > 0) worst = Math.max(worst, rss - reference);
  const { heldBytes, inUseBytes } = engine.memory();
  const rate = (1000 * done) / (performance.now() - begin);
  process.stdout.write(
    `${done} rows, ${rate.toFixed(0)} rows/s, resident ${megabytes(rss)} MB, pools ${megabytes(heldBytes)} MB held ${megabytes(inUseBytes)} MB in use\n`,
  );
}
await engine.close();
process.stdout.write(`growth after the first tenth: ${megabytes(worst)} MB; leaks reported: ${leaks.length}\n`);
process.exitCode = worst > GROWTH_LIMIT_MB * 1e6 || leaks.length > 0 ? 1 : 0;
