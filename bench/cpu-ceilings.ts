/** What the CPU can do at best, in JavaScript: copy bandwidth of Float64Array.set and float64 multiply-adds. Runs as a worker too. */
import { isMainThread, parentPort, Worker } from 'node:worker_threads';

export interface Ceilings {
  /** Bytes read plus bytes written per second. */
  readonly bytesPerSecond: number;
  readonly flopsPerSecond: number;
}

const COPY_BYTES = 2 ** 26;
const SECONDS = 0.25;
const FLOPS_PER_ROUND = 16;

/** Rounds per second of `work(rounds)`, over at least a quarter of a second after a warm-up. */
function rate(work: (rounds: number) => void): number {
  let rounds = 1;
  for (;;) {
    const begin = performance.now();
    work(rounds);
    const seconds = (performance.now() - begin) / 1000;
    if (seconds >= SECONDS) return rounds / seconds;
    rounds = seconds < 0.01 ? rounds * 8 : Math.ceil((1.3 * rounds * SECONDS) / seconds);
  }
}

/** Sixteen operations a round in eight chains, so that neither latency nor memory holds them up. */
function multiplyAdd(rounds: number): number {
  let a = 1;
  let b = 1.1;
  let c = 1.2;
  let d = 1.3;
  let e = 1.4;
  let f = 1.5;
  let g = 1.6;
  let h = 1.7;
  for (let round = 0; round < rounds; round++) {
    a = a * 0.999 + 0.5;
    b = b * 0.998 + 0.5;
    c = c * 0.997 + 0.5;
    d = d * 0.996 + 0.5;
    e = e * 0.995 + 0.5;
    f = f * 0.994 + 0.5;
    g = g * 0.993 + 0.5;
    h = h * 0.992 + 0.5;
  }
  return a + b + c + d + e + f + g + h;
}

/** Ceilings of the calling thread. */
export function measureThread(): Ceilings {
  const from = new Float64Array(COPY_BYTES / 8).fill(1.5);
  const to = new Float64Array(COPY_BYTES / 8);
  const copies = rate((rounds) => {
    for (let round = 0; round < rounds; round++) to.set(from);
  });
  let sink = 0;
  const rounds = rate((count) => {
    sink += multiplyAdd(count);
  });
  if (!Number.isFinite(sink)) throw new RangeError(`the multiply-adds gave ${sink}`);
  return { bytesPerSecond: 2 * COPY_BYTES * copies, flopsPerSecond: FLOPS_PER_ROUND * rounds };
}

/** Ceilings of `workers` threads at work together (0: the calling thread), summed. */
export async function measureCpu(workers: number): Promise<Ceilings> {
  if (workers === 0) return measureThread();
  const each = await Promise.all(
    Array.from(
      { length: workers },
      () =>
        new Promise<Ceilings>((resolve, reject) => {
          const worker = new Worker(new URL(import.meta.url));
          worker.once('message', resolve);
          worker.once('error', reject);
        }),
    ),
  );
  return {
    bytesPerSecond: each.reduce((sum, { bytesPerSecond }) => sum + bytesPerSecond, 0),
    flopsPerSecond: each.reduce((sum, { flopsPerSecond }) => sum + flopsPerSecond, 0),
  };
}

if (!isMainThread) parentPort?.postMessage(measureThread());
