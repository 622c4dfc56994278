import { describe, expect, it } from 'vitest';
import { cpu } from '../../kernels/reduce-stamps/cpu.ts';
import { FLOAT_REDUCTIONS, spec } from '../../kernels/reduce-stamps/spec.ts';
import type { HostArray } from '../../src/engine/kernel.ts';
import { agreementSuite } from '../support/agreement.ts';

function reduce(options: Parameters<typeof cpu>[0], inputs: Parameters<typeof cpu>[1], count: number): Record<string, HostArray> {
  const outputs: Record<string, HostArray> = {};
  for (const name of FLOAT_REDUCTIONS) outputs[name] = new Float64Array(count * options.planes).fill(Number.NaN);
  for (const name of ['goodCount', 'significantCount']) outputs[name] = new Uint32Array(count * options.planes).fill(99);
  cpu(options, inputs, outputs, count);
  return outputs;
}

describe('reduce-stamps twin', () => {
  it('gives the metrics of a stamp worked out by hand', () => {
    const options = { planes: 2, height: 2, width: 2, badBits: 0b110 };
    const values = new Float64Array([1, -2, 3, 10, 5, 6, 7, 8]);
    // The last pixel is masked by bit 1, the first pixel's bit 0 is not bad; plane 1 has no coverage in pixel 2.
    const mask = new Uint32Array([1, 0, 0, 2]);
    const weights = new Float64Array([4, 1, 0.25, 100, 1, 4, 0, 1]);
    const found = reduce(options, { values, weights, mask }, 1);
    expect([...found.sum]).toEqual([12, 26]);
    expect([...found.max]).toEqual([10, 8]);
    expect([...found.goodSum]).toEqual([2, 11]);
    expect([...found.weightedSum]).toEqual([4 - 2 + 0.75, 5 + 24]);
    expect([...found.weightedSquare]).toEqual([4 + 4 + 2.25, 25 + 144]);
    expect([...found.maxSignificance]).toEqual([2, 12]);
    expect([...found.goodVariance]).toEqual([0.25 + 1 + 4, 1.25]);
    expect([...found.goodCount]).toEqual([3, 2]);
    expect([...found.significantCount]).toEqual([2, 2]);
  });

  it('is 0 where no pixel is good, and keeps the sum and the maximum of all', () => {
    const options = { planes: 1, height: 1, width: 3, badBits: 0x80000000 };
    const mask = new Uint32Array([0x80000000, 0, 0]);
    const inputs = { values: new Float64Array([-3, -1, -2]), weights: new Float64Array([1, 0, 1e-31]), mask };
    const found = reduce(options, inputs, 1);
    expect(found.goodCount[0]).toBe(0);
    for (const name of ['goodSum', 'weightedSum', 'weightedSquare', 'maxSignificance', 'goodVariance'])
      expect(found[name][0]).toBe(0);
    expect(found.sum[0]).toBe(-6);
    expect(found.max[0]).toBe(-1);
  });

  it('agrees with sums of filtered arrays on every sample case', () => {
    for (const { options, inputs, count } of spec.sample(12, 5)) {
      const found = reduce(options, inputs, count);
      const pixels = options.height * options.width;
      const mask = inputs.mask as Uint32Array;
      for (let block = 0; block < count * options.planes; block++) {
        const pixelsOf = (array: unknown): number[] => [
          ...(array as Float64Array).subarray(block * pixels, (block + 1) * pixels),
        ];
        const values = pixelsOf(inputs.values);
        const weights = pixelsOf(inputs.weights);
        const item = Math.floor(block / options.planes);
        const good = weights.flatMap((weight, pixel) =>
          weight > 0 && (mask[item * pixels + pixel] & options.badBits) === 0 ? [pixel] : [],
        );
        const total = (terms: number[]): number => terms.reduce((sum, term) => sum + term, 0);
        expect(found.goodCount[block]).toBe(good.length);
        expect(found.sum[block]).toBeCloseTo(total(values), 9);
        expect(found.max[block]).toBe(Math.max(...values));
        expect(found.goodSum[block]).toBeCloseTo(total(good.map((p) => values[p])), 9);
        expect(found.weightedSquare[block]).toBeCloseTo(total(good.map((p) => weights[p] * values[p] ** 2)), 8);
        expect(found.goodVariance[block]).toBeCloseTo(total(good.map((p) => 1 / weights[p])), 9);
        const significances = good.map((p) => values[p] * Math.sqrt(weights[p]));
        expect(found.maxSignificance[block]).toBe(good.length === 0 ? 0 : Math.max(...significances));
        expect(found.significantCount[block]).toBe(significances.filter((s) => s > 1).length);
      }
    }
  });
});

agreementSuite('reduce-stamps', { count: 60, seed: 11 });
