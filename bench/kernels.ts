/**
 * How close every kernel of the registry is to what the machine can do: time, rows/s, GB/s, GFLOP/s and the share of the nearer ceiling.
 * Nothing here knows a kernel: inputs come from its sample, work and traffic from its cost.
 */
import { Bench } from 'tinybench';
import { chainOf, gatherCase, wiresOf } from '../src/engine/compare.ts';
import type { Engine } from '../src/engine/face.ts';
import type { AnyKernel, SampleCase } from '../src/engine/kernel.ts';
import type { Ceilings } from './cpu-ceilings.ts';

export interface BenchRow {
  readonly slug: string;
  readonly label: string;
  /** `cpu`, `cpu x4` or the adapter's name. */
  readonly backend: string;
  readonly items: number;
  /** Median wall time of a run on `items`, upload and the smallest readback included. */
  readonly seconds: number;
  readonly itemsPerSecond: number;
  /** Time on the device, where the adapter has timestamps: what GB/s and GFLOP/s are reckoned with. */
  readonly deviceSeconds: number | undefined;
  readonly bytesPerSecond: number;
  readonly flopsPerSecond: number;
  /** Achieved over possible, by the roofline: the larger of the two shares. */
  readonly ceilingShare: number;
  readonly ceiling: 'copy' | 'arithmetic';
}

export interface BenchOptions {
  /** Items per run. */
  readonly items: number;
  /** Least time per kernel, seconds. */
  readonly seconds: number;
  /** All sample cases, or only the one with the most work per item. */
  readonly allCases: boolean;
}

const SAMPLES = 64;
const SEED = 7;

/** Measures one kernel on an open engine. */
export async function benchKernel(
  kernel: AnyKernel,
  engine: Engine,
  backend: string,
  ceilings: Ceilings,
  options: BenchOptions,
): Promise<BenchRow[]> {
  const cases = (kernel.spec.sample(SAMPLES, SEED) as SampleCase<object>[]).filter((sample) => sample.count > 0);
  const work = (sample: SampleCase<object>) => kernel.spec.cost(sample.options, 1).flops;
  const heaviest = cases.reduce((a, b) => (work(b) > work(a) ? b : a));
  const rows: BenchRow[] = [];
  for (const sample of options.allCases ? cases : [heaviest])
    rows.push(await benchCase(kernel, sample, engine, backend, ceilings, options));
  return rows;
}

async function benchCase(
  kernel: AnyKernel,
  sample: SampleCase<object>,
  engine: Engine,
  backend: string,
  ceilings: Ceilings,
  { items, seconds }: BenchOptions,
): Promise<BenchRow> {
  const order = Array.from({ length: items }, (_, item) => item % sample.count);
  const inputs = wiresOf(gatherCase(kernel, sample, order));
  const whole = chainOf(kernel, sample.options);
  // Pixels stay on the device: only the smallest output comes back.
  const chain = { ...whole, keep: [smallestOutput(kernel, sample.options)] };
  const deviceTimes: number[] = [];
  const bench = new Bench({ time: 1000 * seconds, iterations: 3, warmupTime: 0, warmupIterations: 1, throws: true });
  bench.add(kernel.spec.slug, async () => {
    const { timings } = await engine.run(chain, inputs, items);
    if (timings.deviceSeconds !== undefined) deviceTimes.push(timings.deviceSeconds);
  });
  await bench.run();
  const result = bench.tasks[0].result as { latency: { p50?: number; mean: number } };
  const wall = (result.latency.p50 ?? result.latency.mean) / 1000;
  const device = median(deviceTimes);
  const { flops, bytes } = kernel.spec.cost(sample.options, items);
  const busy = device ?? wall;
  const shares = { copy: bytes / busy / ceilings.bytesPerSecond, arithmetic: flops / busy / ceilings.flopsPerSecond };
  const ceiling = shares.copy > shares.arithmetic ? 'copy' : 'arithmetic';
  return {
    slug: kernel.spec.slug,
    label: sample.label,
    backend,
    items,
    seconds: wall,
    itemsPerSecond: items / wall,
    deviceSeconds: device,
    bytesPerSecond: bytes / busy,
    flopsPerSecond: flops / busy,
    ceilingShare: shares[ceiling],
    ceiling,
  };
}

function smallestOutput(kernel: AnyKernel, options: object): string {
  const size = (name: string) =>
    (kernel.spec.outputs[name].shape as (options: object) => readonly number[])(options).reduce((a, b) => a * b, 1);
  return Object.keys(kernel.spec.outputs).reduce((a, b) => (size(b) < size(a) ? b : a));
}

function median(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.toSorted((a, b) => a - b)[values.length >> 1];
}
