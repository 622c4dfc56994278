import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SHADERS } from '../../kernels/shaders.generated.ts';
import { type PhiloxCounter, type PhiloxKey, PhiloxStream, philox4x32, philoxKey } from '../../src/core/rng.ts';
import { openEngine } from '../../src/engine/engine.ts';
import type { Engine } from '../../src/engine/face.ts';
import type { AnyKernel, HostArray } from '../../src/engine/kernel.ts';
import { openTestGpu } from '../support/gpu.ts';

function words(counter: PhiloxCounter, key: PhiloxKey): string[] {
  const out = new Uint32Array(4);
  philox4x32(counter, key, out);
  return Array.from(out, (word) => word.toString(16).padStart(8, '0'));
}

describe('philox4x32', () => {
  // Random123, tests/kat_vectors, lines "philox4x32 10".
  it('gives the known answers of Random123', () => {
    expect(words([0, 0, 0, 0], [0, 0])).toEqual(['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8']);
    const ones = 0xffffffff;
    expect(words([ones, ones, ones, ones], [ones, ones])).toEqual(['408f276d', '41c83b0e', 'a20bc7c6', '6d5451fd']);
    expect(words([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0])).toEqual([
      'd16cfe09',
      '94fdcceb',
      '5001e420',
      '24126ea1',
    ]);
  });

  it('makes keys of whole seeds only', () => {
    expect(philoxKey(5)).toEqual([5, 0]);
    expect(philoxKey(2 ** 40 + 3)).toEqual([3, 256]);
    expect(philoxKey(0xfedcba9876543210n)).toEqual([0x76543210, 0xfedcba98]);
    expect(() => philoxKey(0.5)).toThrow(/whole number/);
    expect(() => philoxKey(-1)).toThrow(/whole number/);
  });
});

describe('PhiloxStream', () => {
  it('is a function of its key and counter alone', () => {
    const take = (key: PhiloxKey, rest: [number, number, number]): number[] => {
      const stream = new PhiloxStream(key, rest);
      return Array.from({ length: 9 }, () => stream.word());
    };
    expect(take([1, 2], [3, 4, 5])).toEqual(take([1, 2], [3, 4, 5]));
    const others = [take([1, 2], [3, 4, 5]), take([1, 3], [3, 4, 5]), take([1, 2], [2, 4, 5]), take([1, 2], [3, 5, 5])];
    expect(new Set(others.flat()).size).toBe(36);
  });

  it('is uniform and normal', () => {
    const stream = new PhiloxStream(philoxKey(11));
    const n = 100_000;
    const moments = (draw: () => number): number[] => {
      const sums = [0, 0, 0, 0];
      for (let i = 0; i < n; i++) {
        const x = draw();
        for (let power = 0; power < 4; power++) sums[power] += x ** (power + 1) / n;
      }
      return sums;
    };
    // Five standard errors of each moment.
    const error = 5 / Math.sqrt(n);
    moments(() => stream.uniform()).forEach((moment, i) => {
      expect(Math.abs(moment - 1 / (i + 2))).toBeLessThan(0.3 * error);
    });
    const [mean, variance, third, fourth] = moments(() => stream.normal());
    expect(Math.abs(mean)).toBeLessThan(error);
    expect(Math.abs(variance - 1)).toBeLessThan(Math.SQRT2 * error);
    expect(Math.abs(third)).toBeLessThan(Math.sqrt(15) * error);
    expect(Math.abs(fourth - 3)).toBeLessThan(Math.sqrt(96) * error);
  });

  it('draws integers evenly', () => {
    const stream = new PhiloxStream(philoxKey(12));
    const counts = new Uint32Array(7);
    for (let i = 0; i < 70_000; i++) counts[stream.integer(7)]++;
    // Five standard deviations of a binomial.
    for (const found of counts) expect(Math.abs(found - 10_000)).toBeLessThan(5 * Math.sqrt(10_000));
  });
});

describe('philox.wgsl', () => {
  const COUNT = 4096;
  const shader = `
//#import "lib/rng/philox.wgsl"
@group(0) @binding(0) var<storage, read> counters: array<u32>;
@group(0) @binding(1) var<storage, read_write> words: array<u32>;
@group(0) @binding(2) var<storage, read_write> uniforms: array<f32>;
@compute @workgroup_size(1) fn draw(@builtin(workgroup_id) group: vec3u) {
  let at = 6u * group.x;
  let counter = vec4u(counters[at], counters[at + 1u], counters[at + 2u], counters[at + 3u]);
  let out = philox4x32(counter, vec2u(counters[at + 4u], counters[at + 5u]));
  for (var i = 0u; i < 4u; i++) {
    words[4u * group.x + i] = out[i];
    uniforms[4u * group.x + i] = philox_uniform(out[i]);
  }
}`;
  const array = (kind: 'u32' | 'float', length: number) => ({
    kind,
    perItem: true,
    shape: () => [length],
    unit: '1',
    doc: 'a test array',
  });
  const exact = { kind: 'exact', value: 0, why: 'integers' } as const;
  const kernel: AnyKernel = {
    spec: {
      slug: 'draw',
      title: 'draws words',
      inputs: { counters: array('u32', 6) },
      outputs: { words: array('u32', 4), uniforms: array('float', 4) },
      tolerances: { words: exact, uniforms: exact },
      sample: () => [],
      cost: () => ({ flops: 0, bytes: 0 }),
    },
    cpu: (_, inputs, { words: out, uniforms }, count) => {
      const counters = inputs['counters'] as HostArray;
      for (let item = 0; item < count; item++) {
        const [c0, c1, c2, c3, k0, k1] = counters.subarray(6 * item, 6 * item + 6);
        philox4x32([c0, c1, c2, c3], [k0, k1], (out as Uint32Array).subarray(4 * item, 4 * item + 4));
        for (let i = 4 * item; i < 4 * item + 4; i++) uniforms[i] = (out[i] >>> 8) * 2 ** -24;
      }
    },
    gpu: {
      encode: (recorder, _, inputs, outputs, count) =>
        recorder.dispatch({
          shader: 'draw.wgsl',
          entry: 'draw',
          bindings: [
            { array: inputs['counters'], access: 'read' },
            { array: outputs['words'], access: 'write' },
            { array: outputs['uniforms'], access: 'write' },
          ],
          grid: [count, 1, 1],
        }),
    },
  };
  const environment = {
    registry: { draw: kernel },
    shaders: async () => ({ ...SHADERS, 'draw.wgsl': shader }),
    openGpu: openTestGpu,
    parallelism: 0,
  };
  const engines: Engine[] = [];
  beforeAll(async () => {
    engines.push(await openEngine({ backend: 'cpu' }, environment), await openEngine({ backend: 'gpu' }, environment));
  });
  afterAll(async () => {
    for (const engine of engines) await engine.close();
  });

  it(`gives the words of the twin bit for bit, ${COUNT} counters`, async () => {
    const stream = new PhiloxStream(philoxKey(2011));
    const counters = Uint32Array.from({ length: 6 * COUNT }, () => stream.word());
    const chain = {
      steps: [
        { kernel: 'draw', options: {}, inputs: { counters: 'counters' }, outputs: { words: 'words', uniforms: 'uniforms' } },
      ],
      keep: ['words', 'uniforms'],
    };
    const [cpu, gpu] = await Promise.all(engines.map((engine) => engine.run(chain, { counters }, COUNT)));
    expect(gpu.outputs['words']).toEqual(cpu.outputs['words']);
    expect(Float64Array.from(gpu.outputs['uniforms'])).toEqual(cpu.outputs['uniforms']);
  });
});
