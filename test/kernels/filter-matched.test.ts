import { describe, expect, it } from 'vitest';
import { cpu } from '../../kernels/filter-matched/cpu.ts';
import { type FilterMatchedOptions, spec, windowShape } from '../../kernels/filter-matched/spec.ts';
import { KERNELS } from '../../kernels/index.ts';
import { chainOf, wiresOf } from '../../src/engine/compare.ts';
import { openEngine } from '../../src/engine/engine.ts';
import type { HostInput } from '../../src/engine/kernel.ts';
import { nodeEnvironment } from '../../src/index.ts';
import { agreementSuite } from '../support/agreement.ts';
import { openTestGpu } from '../support/gpu.ts';

function filter(options: FilterMatchedOptions, inputs: Record<string, HostInput>, count: number) {
  const length = count * options.width * options.height;
  const filtered = new Float32Array(length).fill(Number.NaN);
  const significance = new Float32Array(options.matched ? length : count).fill(Number.NaN);
  cpu(options, inputs, { filtered, significance }, count);
  return { filtered, significance };
}

describe('filter-matched twin', () => {
  it('gives a tile worked out by hand', () => {
    const options = { width: 2, height: 1, kernelWidth: 3, kernelHeight: 1, matched: true };
    const inputs = {
      kernel: Float64Array.of(1, 2, 4),
      data: Float32Array.of(1, 10, 0, 100),
      weights: Float32Array.of(4, 1, 0, 0.25),
    };
    const { filtered, significance } = filter(options, inputs, 1);
    expect([...filtered]).toEqual([1 + 20, 10 + 400]);
    const expected = [(4 + 20) / Math.sqrt(4 + 4), (10 + 100) / Math.sqrt(1 + 16 * 0.25)];
    for (const [x, t] of expected.entries()) expect(significance[x]).toBeCloseTo(t, 5);
  });

  it('agrees with sums over the window on every sample case', () => {
    for (const { options, inputs, count } of spec.sample(24, 5)) {
      const { width, height, kernelWidth, kernelHeight, matched } = options;
      const found = filter(options, inputs, count);
      const [rows, columns] = windowShape(options);
      const [kernel, data, weights] = ['kernel', 'data', 'weights'].map((name) => inputs[name] as Float64Array);
      for (let at = 0; at < found.filtered.length; at += 13) {
        const x = at % width;
        const y = Math.floor(at / width) % height;
        const item = Math.floor(at / (width * height));
        let [plain, signal, power] = [0, 0, 0];
        for (let tap = 0; tap < kernel.length; tap++) {
          const from = (item * rows + y + Math.floor(tap / kernelWidth)) * columns + x + (tap % kernelWidth);
          plain += kernel[tap] * data[from];
          signal += kernel[tap] * weights[from] * data[from];
          power += kernel[tap] ** 2 * weights[from];
        }
        expect(kernel.length).toBe(kernelWidth * kernelHeight);
        expect(Math.abs(found.filtered[at] - plain)).toBeLessThanOrEqual(1e-6 * Math.abs(plain) + 1e-9);
        if (!matched) continue;
        const t = power > 0 ? signal / Math.sqrt(power) : 0;
        expect(Math.abs(found.significance[at] - t)).toBeLessThanOrEqual(1e-6 * Math.abs(t) + 1e-9);
      }
      if (!matched) expect([...found.significance]).toEqual(new Array(count).fill(0));
    }
  });

  it('names the option that is out of range', () => {
    const options = { width: 8, height: 8, kernelWidth: 3, kernelHeight: 3, matched: true };
    for (const [name, value] of Object.entries({ width: 0, height: 2.5, kernelWidth: 26, kernelHeight: 0 }))
      expect(() => spec.inputs['data'].shape({ ...options, [name]: value })).toThrow(
        expect.objectContaining({ code: 'KERNEL_CONTRACT', subject: name }),
      );
  });
});

describe('filter-matched on the device', () => {
  it('holds the least and the largest weights and values, and pixels without weight', async () => {
    const options = { width: 5, height: 4, kernelWidth: 3, kernelHeight: 3, matched: true };
    const [rows, columns] = windowShape(options);
    const pixels = rows * columns;
    const cases = [
      [1e-15, 1e30],
      [1e15, 1e-30],
      [1e16, 1e-30],
      [-1e16, 1],
      [5, 0],
    ];
    const data = Float32Array.from(
      { length: cases.length * pixels },
      (_, at) => cases[Math.floor(at / pixels)][0] * (1 + (at % 5)),
    );
    const weights = Float32Array.from(data, (_, at) => cases[Math.floor(at / pixels)][1]);
    const kernel = Float64Array.of(1, 2, 1, 2, 4, 2, 1, 2, 1).map((tap) => tap / 16);
    const inputs = { kernel, data, weights };
    const twin = filter(options, inputs, cases.length);
    const engine = await openEngine({ backend: 'gpu' }, { ...nodeEnvironment, openGpu: openTestGpu });
    const { outputs } = await engine.run(chainOf(KERNELS['filter-matched'], options), wiresOf(inputs), cases.length);
    await engine.close();
    for (const name of ['filtered', 'significance'] as const)
      twin[name].forEach((value, at) => {
        expect(Math.abs(outputs[name][at] - value)).toBeLessThanOrEqual(2e-6 * Math.abs(value));
      });
    expect([...outputs['significance'].subarray(-20)]).toEqual(new Array(20).fill(0));
  });
});

agreementSuite('filter-matched', { count: 90, seed: 11, bitItems: 9 });
