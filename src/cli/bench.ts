/** `arclet bench`: how close every kernel is to the machine's limit. */
import type { Command } from 'commander';
import { type BenchReport, runBench } from '../../bench/run.ts';
import {
  type BackendOptions,
  type CommonOptions,
  logOf,
  openChosen,
  wholeNumber,
  withBackendOptions,
  withCommonOptions,
} from './options.ts';
import { short, table } from './table.ts';

type BenchWords = BackendOptions & CommonOptions & { readonly json: boolean; readonly rows: number; readonly seconds: number };

export function addBenchCommand(program: Command): void {
  const command = program
    .command('bench')
    .description("measure this machine's ceilings, then every kernel against them")
    .argument(
      '[SLUG...]',
      'kernels to measure, all their sample cases; render: whole rows; without one, everything, kernels in their most expensive case',
    )
    .option('--json', 'print the report as JSON', false)
    .option('--rows <n>', 'items per run', wholeNumber(1), 64)
    .option('--seconds <n>', 'least time per kernel', wholeNumber(1), 1)
    .action(bench);
  withCommonOptions(withBackendOptions(command));
}

async function bench(slugs: string[], words: BenchWords): Promise<void> {
  const log = logOf(words);
  const engine = await openChosen(words, log);
  let report: BenchReport;
  try {
    report = await runBench(engine, slugs, {
      items: words.rows,
      seconds: words.seconds,
      adapter: words.adapter,
      onProgress: (what) => log.info('measuring', what),
    });
  } finally {
    await engine.close();
  }
  process.stdout.write(words.json ? `${JSON.stringify(report, null, 2)}\n` : describe(report));
}

function describe({ backend, ceilings, rows, render }: BenchReport): string {
  const giga = (value: number) => (value / 1e9).toPrecision(3);
  const cells = rows.map((row) => [
    row.slug,
    row.label,
    String(row.items),
    (1e3 * row.seconds).toPrecision(3),
    row.deviceSeconds === undefined ? '-' : (1e3 * row.deviceSeconds).toPrecision(3),
    short(row.itemsPerSecond),
    giga(row.bytesPerSecond),
    giga(row.flopsPerSecond),
    `${(100 * row.ceilingShare).toPrecision(2)} % of ${row.ceiling}`,
  ]);
  const head = ['kernel', 'case', 'items', 'ms', 'device ms', 'rows/s', 'GB/s', 'GFLOP/s', 'nearer ceiling'];
  const limits = `${backend}: copy ${giga(ceilings.bytesPerSecond)} GB/s, arithmetic ${giga(ceilings.flopsPerSecond)} GFLOP/s (measured just now)`;
  const chains = render.map(({ label, rows: count, seconds, rowsPerSecond, rowsPerCpuSecond }) => [
    label,
    String(count),
    (1e3 * seconds).toPrecision(3),
    short(rowsPerSecond),
    short(rowsPerCpuSecond),
  ]);
  const parts = [
    limits,
    cells.length > 0 && table(head, cells),
    chains.length > 0 && table(['64 x 64 x 3, SIE + shear, Sersic, Moffat', 'rows', 'ms', 'rows/s', 'rows/CPU-s'], chains),
  ];
  return `${parts.filter(Boolean).join('\n\n')}\n`;
}
