/**
 * float64 twin of reduce-stamps.
 */
import type { CpuTwin } from '../../src/engine/kernel.ts';
import { MIN_WEIGHT, type ReduceStampsOptions } from './spec.ts';

export const cpu: CpuTwin<ReduceStampsOptions> = (options, inputs, outputs, count) => {
  const values = inputs.values as Float64Array;
  const weights = inputs.weights as Float64Array;
  const mask = inputs.mask as Uint32Array;
  const pixels = options.height * options.width;
  for (let block = 0; block < count * options.planes; block++) {
    const start = block * pixels;
    const maskStart = Math.floor(block / options.planes) * pixels;
    let sum = 0;
    let max = values[start];
    let goodSum = 0;
    let weightedSum = 0;
    let weightedSquare = 0;
    let maxSignificance = Number.NEGATIVE_INFINITY;
    let goodVariance = 0;
    let goodCount = 0;
    let significantCount = 0;
    for (let pixel = 0; pixel < pixels; pixel++) {
      const value = values[start + pixel];
      const weight = weights[start + pixel];
      sum += value;
      if (value > max) max = value;
      if ((mask[maskStart + pixel] & options.badBits) !== 0 || weight < MIN_WEIGHT) continue;
      const significance = value * Math.sqrt(weight);
      goodSum += value;
      weightedSum += weight * value;
      weightedSquare += significance * significance;
      goodVariance += 1 / weight;
      goodCount++;
      if (significance > 1) significantCount++;
      if (significance > maxSignificance) maxSignificance = significance;
    }
    outputs.sum[block] = sum;
    outputs.max[block] = max;
    outputs.goodSum[block] = goodSum;
    outputs.weightedSum[block] = weightedSum;
    outputs.weightedSquare[block] = weightedSquare;
    outputs.maxSignificance[block] = goodCount === 0 ? 0 : maxSignificance;
    outputs.goodVariance[block] = goodVariance;
    outputs.goodCount[block] = goodCount;
    outputs.significantCount[block] = significantCount;
  }
};
