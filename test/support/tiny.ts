/** Small kernels for tests of the engine: a struct, a shared table, integers, two kernels to chain, and one that misbehaves. */
import { ArcletError } from '../../src/core/errors.ts';
import type { ArraySpec, Columns, HostArray, HostInput, Kernel, KernelSpec, Registry } from '../../src/engine/kernel.ts';
import { struct } from '../../src/gpu/layout.ts';

interface Size {
  readonly size: number;
}

const GAIN = struct('Gain', { gain: 'f32', offset: 'f32', pick: 'u32' });

function array(kind: ArraySpec['kind'], shape: (options: Size) => readonly number[], perItem = true): ArraySpec<Size> {
  return { kind, perItem, shape, unit: '1', doc: 'a test array' };
}
const vector = array('float', ({ size }) => [size]);

function specOf(slug: string, arrays: Pick<KernelSpec<Size>, 'inputs' | 'outputs' | 'tolerances' | 'sample'>): KernelSpec<Size> {
  return {
    slug,
    title: 'a test kernel',
    cost: ({ size }, count) => ({ flops: 2 * size * count, bytes: 8 * size * count }),
    ...arrays,
  };
}

function ramp(length: number, scale: number): Float64Array {
  return Float64Array.from({ length }, (_, i) => scale * Math.sin(1 + i));
}

/** Inputs of `scale` for `count` items. */
export function scaleInputs(count: number, size: number): Record<string, HostInput> {
  return {
    gains: { gain: ramp(count, 2), offset: ramp(count, 3), pick: Uint32Array.from({ length: count }, (_, i) => i) },
    values: ramp(count * size, 1),
    table: Float32Array.of(0.25, 0.5, 0.75),
  };
}

const scale: Kernel<Size> = {
  spec: specOf('scale', {
    inputs: { gains: array({ struct: GAIN }, () => [1]), values: vector, table: array('float', () => [-1], false) },
    outputs: { scaled: vector, tag: array('u32', () => [1]) },
    tolerances: {
      scaled: { kind: 'absolute', value: 2e-6, why: 'three roundings of numbers below 8' },
      tag: { kind: 'exact', value: 0, why: 'integers' },
    },
    sample: (count) => [
      { label: 'size 3', options: { size: 3 }, count: count - 4, inputs: scaleInputs(count - 4, 3) },
      { label: 'size 8', options: { size: 8 }, count: 4, inputs: scaleInputs(4, 8) },
    ],
  }),
  cpu: ({ size }, inputs, { scaled, tag }, count) => {
    const { gain, offset, pick } = inputs['gains'] as Columns;
    const values = inputs['values'] as HostArray;
    const table = inputs['table'] as HostArray;
    for (let item = 0; item < count; item++) {
      tag[item] = 2 * pick[item] + 1;
      for (let i = item * size; i < (item + 1) * size; i++) {
        scaled[i] = gain[item] * values[i] + offset[item] + table[pick[item] % table.length];
      }
    }
  },
  gpu: {
    encode: (recorder, { size }, inputs, outputs, count) => {
      recorder.dispatch({
        shader: 'scale.wgsl',
        entry: 'scale',
        structs: [GAIN],
        overrides: { size },
        bindings: [
          { array: inputs['gains'], access: 'read' },
          { array: inputs['values'], access: 'read' },
          { array: inputs['table'], access: 'read' },
          { array: outputs['scaled'], access: 'write' },
          { array: outputs['tag'], access: 'write' },
        ],
        grid: [count, 1, 1],
      });
    },
  },
};

const total: Kernel<Size> = {
  spec: specOf('total', {
    inputs: { values: vector },
    outputs: { total: array('float', () => [1]) },
    tolerances: { total: { kind: 'absolute', value: 1e-5, why: 'a short float32 sum' } },
    sample: (count) => [{ label: 'size 3', options: { size: 3 }, count, inputs: { values: ramp(3 * count, 1) } }],
  }),
  cpu: ({ size }, inputs, outputs, count) => {
    const values = inputs['values'] as HostArray;
    for (let item = 0; item < count; item++) {
      let sum = 0;
      for (let i = item * size; i < (item + 1) * size; i++) sum += values[i];
      outputs['total'][item] = sum;
    }
  },
  gpu: {
    encode: (recorder, { size }, inputs, outputs, count) => {
      recorder.dispatch({
        shader: 'total.wgsl',
        entry: 'total',
        overrides: { size },
        bindings: [
          { array: inputs['values'], access: 'read' },
          { array: outputs['total'], access: 'write' },
        ],
        grid: [count, 1, 1],
      });
    },
  },
};

/** Doubles its values, except that -1 throws, -2 throws a tagged error, -3 ends the worker, -4 ends it `lives[0]` times. */
const fragile: Kernel<Size> = {
  spec: specOf('fragile', {
    inputs: { values: vector, lives: array('float', () => [-1], false) },
    outputs: { doubled: vector },
    tolerances: { doubled: { kind: 'exact', value: 0, why: 'a power of two' } },
    sample: (count) => [
      { label: 'sound', options: { size: 1 }, count, inputs: { values: ramp(count, 1), lives: new Float64Array(1) } },
    ],
  }),
  cpu: (_, inputs, outputs) => {
    const lives = inputs['lives'] as HostArray;
    for (const [i, value] of (inputs['values'] as HostArray).entries()) {
      if (value === -1) throw new RangeError('minus one');
      if (value === -2) throw new ArcletError('ROWS_INVALID', 'minus two', { subject: 'row' });
      if (value === -3 || (value === -4 && lives[0]-- > 0)) process.exit(3);
      outputs['doubled'][i] = 2 * value;
    }
  },
  gpu: {
    encode: (recorder, _, inputs, outputs, count) => {
      recorder.dispatch({
        shader: 'double.wgsl',
        entry: 'double',
        bindings: [
          { array: inputs['values'], access: 'read' },
          { array: outputs['doubled'], access: 'write' },
        ],
        grid: [count, 1, 1],
      });
    },
  },
};

export const TINY: Registry = { scale, total, fragile };

export const TINY_SHADERS: Readonly<Record<string, string>> = {
  'scale.wgsl': `
//#struct Gain
override size: u32 = 1;
@group(0) @binding(0) var<storage, read> gains: array<Gain>;
@group(0) @binding(1) var<storage, read> values: array<f32>;
@group(0) @binding(2) var<storage, read> table: array<f32>;
@group(0) @binding(3) var<storage, read_write> scaled: array<f32>;
@group(0) @binding(4) var<storage, read_write> tag: array<u32>;
@compute @workgroup_size(1) fn scale(@builtin(workgroup_id) group: vec3u) {
  let item = group.x;
  let gain = gains[item];
  tag[item] = 2u * gain.pick + 1u;
  for (var i = item * size; i < (item + 1u) * size; i++) {
    scaled[i] = gain.gain * values[i] + gain.offset + table[gain.pick % arrayLength(&table)];
  }
}`,
  'total.wgsl': `
override size: u32 = 1;
@group(0) @binding(0) var<storage, read> values: array<f32>;
@group(0) @binding(1) var<storage, read_write> total_of: array<f32>;
@compute @workgroup_size(1) fn total(@builtin(workgroup_id) group: vec3u) {
  var sum = 0.0;
  for (var i = group.x * size; i < (group.x + 1u) * size; i++) { sum += values[i]; }
  total_of[group.x] = sum;
}`,
  'double.wgsl': `
@group(0) @binding(0) var<storage, read> values: array<f32>;
@group(0) @binding(1) var<storage, read_write> doubled: array<f32>;
@compute @workgroup_size(1) fn double(@builtin(workgroup_id) group: vec3u) { doubled[group.x] = 2.0 * values[group.x]; }`,
};
