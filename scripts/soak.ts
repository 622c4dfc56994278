/**
 * A long run of the render chain: memory must stay flat. `node scripts/soak.ts [rows] [stamp px] [backend] [workers]`
 *
 * Prints resident memory and pool bytes every 5 % and exits 1 when memory rose more than 50 MB above its highest value in the first tenth (garbage
 * comes and goes within that), or a pool reports a leak.
 */
import { performance } from 'node:perf_hooks';
import { benchRows } from '../bench/render.ts';
import { openEngine } from '../src/index.ts';
import { renderChain, renderInputs } from '../src/pipelines/injection/render.ts';
import { planRow } from '../src/pipelines/injection/render-plan.ts';
import { prepareRows } from '../src/pipelines/injection/render-rows.ts';

const [rows = 1_000_000, size = 16] = process.argv.slice(2, 4).map(Number);
const backend = (process.argv[4] ?? 'cpu') as 'cpu' | 'gpu';
const workers = Number(process.argv[5] ?? 2);
const BATCH = 512;
const GROWTH_LIMIT_MB = 50;

let leaks = 0;
const engine = await openEngine({
  backend,
  workers,
  adapter: backend === 'gpu' ? 'software' : undefined,
  onEvent: (event) => {
    if (event.message.includes('leak')) leaks++;
  },
});
const file = benchRows(BATCH, size, [0.5, 0.5]); // a narrow PSF, so that rows are cheap and batches many
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
  const rss = process.memoryUsage.rss();
  if (done <= rows / 10) reference = Math.max(reference, rss);
  else worst = Math.max(worst, rss - reference);
  if (done < nextReport) continue;
  nextReport += rows / 20;
  const { heldBytes, inUseBytes } = engine.memory();
  const rate = (1000 * done) / (performance.now() - begin);
  process.stdout.write(
    `${done} rows, ${rate.toFixed(0)} rows/s, resident ${megabytes(rss)} MB, pools ${megabytes(heldBytes)} MB held ${megabytes(inUseBytes)} MB in use\n`,
  );
}
await engine.close();
process.stdout.write(`growth above the first tenth: ${megabytes(worst)} MB; leaks reported: ${leaks}\n`);
process.exitCode = worst > GROWTH_LIMIT_MB * 1e6 || leaks > 0 ? 1 : 0;
