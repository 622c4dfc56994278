/** Strata of hosts: quartiles of PSF size and depth over the bricks. */
import type { Hosts, Quantity } from './hosts.ts';

/** A host whose brick has no value. */
export const NO_BIN = -1;

/** Edges at 0, 1/4, 1/2, 3/4 and 1 of the values, each a value itself (as Spark's approxQuantile gives); undefined without values. */
export function quartileEdges(values: Float64Array): number[] | undefined {
  if (values.length === 0) return undefined;
  const sorted = values.slice().sort();
  return [0, 0.25, 0.5, 0.75, 1].map((share) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]);
}

/** Bin i where edge i <= value < edge i+1, the last closed; a host beyond the edges of the bricks is in the nearest. */
export function binOf(value: number, edges: readonly number[]): number {
  if (Number.isNaN(value)) return NO_BIN;
  let bin = 0;
  while (bin < edges.length - 2 && value >= edges[bin + 1]) bin++;
  return bin;
}

export interface Strata {
  readonly edges: number[] | undefined;
  /** Bin of every host, or {@link NO_BIN}. */
  readonly bin: Int8Array;
}

/** Quartiles of a quantity over the bricks (mean of the hosts of each), and the bin of every host. */
export function strataOf(hosts: Hosts, quantity: Quantity): Strata {
  const values = hosts.quantities[quantity];
  const bin = new Int8Array(hosts.count).fill(NO_BIN);
  if (values === undefined) return { edges: undefined, bin };
  const sum = new Float64Array(hosts.bricks.length);
  const count = new Float64Array(hosts.bricks.length);
  for (let host = 0; host < hosts.count; host++) {
    if (Number.isNaN(values[host])) continue;
    sum[hosts.brick[host]] += values[host];
    count[hosts.brick[host]]++;
  }
  const edges = quartileEdges(sum.map((total, brick) => total / count[brick]).filter((mean) => !Number.isNaN(mean)));
  if (edges !== undefined) for (let host = 0; host < hosts.count; host++) bin[host] = binOf(values[host], edges);
  return { edges, bin };
}
