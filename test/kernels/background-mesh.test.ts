import { describe, expect, it } from 'vitest';
import { cpu } from '../../kernels/background-mesh/cpu.ts';
import { MAX_PIXELS, meshWords, spec } from '../../kernels/background-mesh/spec.ts';
import { KERNELS } from '../../kernels/index.ts';
import { PhiloxStream, philoxKey } from '../../src/core/rng.ts';
import { chainOf, wiresOf } from '../../src/engine/compare.ts';
import { openEngine } from '../../src/engine/engine.ts';
import type { HostArray } from '../../src/engine/kernel.ts';
import { nodeEnvironment } from '../../src/index.ts';
import { measureBackground } from '../../src/sky/detection/background.ts';
import { agreementSuite } from '../support/agreement.ts';
import { openTestGpu } from '../support/gpu.ts';

const NAMES = ['level', 'rms', 'mean', 'median'] as const;

/** Meshes of one size without cut-off parts; `isBad` by place. */
function inputsOf(meshes: readonly ArrayLike<number>[], isBad: (pixel: number) => boolean = () => false) {
  const pixels = meshes[0].length;
  const words = meshWords(pixels);
  const bad = new Uint32Array(meshes.length * words);
  for (let item = 0; item < meshes.length; item++)
    for (let p = 0; p < pixels; p++) if (isBad(p)) bad[item * words + (p >> 5)] |= 1 << (p & 31);
  return {
    pixels: Float32Array.from(meshes.flatMap((mesh) => Array.from(mesh))),
    bad,
    area: new Uint32Array(meshes.length).fill(pixels),
  };
}

function twin(inputs: ReturnType<typeof inputsOf>) {
  const count = inputs.area.length;
  const found: Record<string, HostArray> = { good: new Uint32Array(count).fill(99) };
  for (const name of NAMES) found[name] = new Float64Array(count).fill(Number.NaN);
  cpu({ pixels: inputs.pixels.length / count }, inputs, found, count);
  return found;
}

function noise(length: number, seed: number, level = 0, sigma = 1): Float64Array {
  const stream = new PhiloxStream(philoxKey(seed));
  return Float64Array.from({ length }, () => level + sigma * stream.normal());
}

describe('background-mesh twin', () => {
  it('is a mesh of the background of an image', () => {
    const data = Float32Array.from(noise(48 * 32, 4, 20, 2));
    const mask = Uint8Array.from(data, (_, at) => (at % 7 === 3 ? 1 : 0));
    const whole = measureBackground(
      { data, width: 48, height: 32 },
      { meshWidth: 48, meshHeight: 32, filterWidth: 1, filterHeight: 1, mask },
    );
    const found = twin(inputsOf([data], (p) => p % 7 === 3));
    expect(found['level'][0]).toBe(whole.meshLevel[0]);
    expect(found['rms'][0]).toBe(whole.meshRms[0]);
    expect(found['good'][0]).toBe(data.length - mask.reduce((sum, one) => sum + one, 0));
    expect(Math.abs(found['median'][0] - 20)).toBeLessThan(0.2);
    expect(found['level'][0]).toBeCloseTo(2.5 * found['median'][0] - 1.5 * found['mean'][0], 10);
  });

  it('says 0 where too few are good, counted in what lies within the image', () => {
    const values = noise(400, 5, 10);
    const half = inputsOf([values], (p) => p >= 150);
    expect(NAMES.map((name) => twin(half)[name][0])).toEqual([0, 0, 0, 0]);
    expect(twin(half)['good'][0]).toBe(150);
    half.area[0] = 300;
    expect(twin(half)['level'][0]).toBeCloseTo(10, 0);
    const none = inputsOf([values], () => true);
    none.area[0] = 0;
    expect([...NAMES.map((name) => twin(none)[name][0]), twin(none)['good'][0]]).toEqual([0, 0, 0, 0, 0]);
  });

  it('names the size that is out of range', () => {
    for (const pixels of [0, 2.5, MAX_PIXELS + 1])
      expect(() => spec.inputs['pixels'].shape({ pixels })).toThrow(
        expect.objectContaining({ code: 'KERNEL_CONTRACT', subject: 'pixels' }),
      );
  });
});

describe('background-mesh on the device', () => {
  it('is right on hostile meshes: hot pixels first, a very high sky, small numbers, one value, two values, the largest mesh', async () => {
    const plain = noise(1024, 8);
    const hot = (size: number) => plain.map((value, p) => (p === 0 ? size : value));
    const groups = {
      hot: [hot(1e4), hot(-1e9), hot(1e15), plain.map((value, p) => (p % 10 === 0 ? 1e6 * value : value))],
      high: [Float32Array.from(plain, (value) => 60_000 + value), Float32Array.from(plain, (value) => 1e-12 * value)],
      few: [plain.map(() => 7.25), plain.map((_, p) => (p === 5 ? 8 : 7.25)), plain.map((_, p) => p % 2)],
      tiny: [Float64Array.of(3, 5, 4, 4), Float64Array.of(2, 2, 2, 9)],
      largest: [noise(MAX_PIXELS, 9, 100, 3)],
    };
    const engine = await openEngine({ backend: 'gpu' }, { ...nodeEnvironment, openGpu: openTestGpu });
    for (const [group, meshes] of Object.entries(groups)) {
      const inputs = inputsOf(meshes);
      const here = twin(inputs);
      const chain = chainOf(KERNELS['background-mesh'], { pixels: meshes[0].length });
      const { outputs } = await engine.run(chain, wiresOf(inputs), meshes.length);
      for (const name of NAMES) {
        for (let item = 0; item < meshes.length; item++) {
          const scale = 0.005 * here['rms'][item] + 1e-6 * Math.abs(here['level'][item]);
          const label = `${group} ${item}: ${name} ${outputs[name][item]} against ${here[name][item]}`;
          expect(Math.abs(outputs[name][item] - here[name][item]), label).toBeLessThanOrEqual(scale);
        }
      }
    }
    await engine.close();
  });
});

agreementSuite('background-mesh', { count: 81, seed: 11, bitItems: 9 });
