/** Kernels with inline shaders, small enough that a test can say what they must give. */
import type { AnyKernel, Kernel, Registry } from '../../src/engine/kernel.ts';
import { struct } from '../../src/gpu/layout.ts';

export const POINT = struct('Point', { x: 'f32', id: 'u32', y: 'f32', shift: 'i32', weight: 'f32' });

const EXACT = { kind: 'exact', value: 0, why: 'copies' } as const;
const WORDS = 5;

/** Gives the words of every struct back as they lie on the device. */
const identity: Kernel<object> = {
  spec: {
    slug: 'identity',
    title: 'struct words',
    inputs: { points: { kind: { struct: POINT }, perItem: true, shape: () => [], unit: '1', doc: 'points' } },
    outputs: { words: { kind: 'u32', perItem: true, shape: () => [WORDS], unit: '1', doc: 'their bits' } },
    tolerances: { words: EXACT },
    sample: () => [],
    cost: () => ({ flops: 0, bytes: 0 }),
  },
  cpu: () => {},
  gpu: {
    encode: (recorder, _options, inputs, outputs, count) => {
      recorder.dispatch({
        shader: 'identity.wgsl',
        entry: 'main',
        structs: [POINT],
        bindings: [
          { array: inputs['points'], access: 'read' },
          { array: outputs['words'], access: 'write' },
        ],
        grid: [Math.ceil(count / 64), 1, 1],
      });
    },
  },
};

export interface AffineOptions {
  readonly length: number;
  readonly scale: number;
}

/** out[item][k] = scale * a[item][k] + table[k] through a scratch array, with the scale in a uniform. */
export const affine: Kernel<AffineOptions> = {
  spec: {
    slug: 'affine',
    title: 'scale and add',
    inputs: {
      a: { kind: 'float', perItem: true, shape: ({ length }) => [length], unit: '1', doc: 'values' },
      table: { kind: 'float', perItem: false, shape: () => [-1], unit: '1', doc: 'added, row by row' },
    },
    outputs: { out: { kind: 'float', perItem: true, shape: ({ length }) => [length], unit: '1', doc: 'result' } },
    tolerances: { out: EXACT },
    sample: () => [],
    cost: () => ({ flops: 0, bytes: 0 }),
  },
  cpu: () => {},
  gpu: {
    scratchBytesPerItem: ({ length }) => 4 * length,
    encode: (recorder, { length, scale }, inputs, outputs, count) => {
      const total = length * count;
      const scaled = recorder.scratch(4 * total, 'scaled');
      const parameters = new ArrayBuffer(8);
      new Float32Array(parameters, 0, 1)[0] = scale;
      new Uint32Array(parameters, 4, 1)[0] = total;
      const uniform = recorder.uniform(parameters);
      const grid = [Math.ceil(total / 64), 1, 1] as const;
      recorder.dispatch({
        shader: 'affine.wgsl',
        entry: 'scale_values',
        bindings: [
          { array: inputs['a'], access: 'read' },
          { array: scaled, access: 'write' },
          { array: uniform, access: 'uniform' },
        ],
        grid,
      });
      recorder.dispatch({
        shader: 'affine.wgsl',
        entry: 'add_table',
        overrides: { LENGTH: length },
        bindings: [
          { array: scaled, access: 'read' },
          { array: outputs['out'], access: 'write' },
          { array: uniform, access: 'uniform' },
          { array: inputs['table'], access: 'read' },
          { array: recorder.constant('ones', () => new Float32Array([1, 1, 1, 1])), access: 'read' },
        ],
        grid,
      });
    },
  },
};

/** Its shader does not compile: the error is on line 3 of broken.wgsl. */
const broken: AnyKernel = {
  ...identity,
  gpu: {
    encode: (recorder, _options, inputs, outputs) =>
      recorder.dispatch({
        shader: 'broken.wgsl',
        entry: 'main',
        bindings: [
          { array: inputs['points'], access: 'read' },
          { array: outputs['words'], access: 'write' },
        ],
        grid: [1, 1, 1],
      }),
  },
};

/** Binds its output as read and as write at once, which WebGPU forbids. */
const aliasing: AnyKernel = {
  ...identity,
  gpu: {
    encode: (recorder, _options, _inputs, outputs) =>
      recorder.dispatch({
        shader: 'identity.wgsl',
        entry: 'main',
        structs: [POINT],
        bindings: [
          { array: outputs['words'], access: 'read' },
          { array: outputs['words'], access: 'write' },
        ],
        grid: [1, 1, 1],
      }),
  },
};

export const TOYS: Registry = { identity, affine, broken, aliasing };

export const TOY_SHADERS: Record<string, string> = {
  'identity.wgsl': `//#import "lib/index.wgsl"
//#struct Point
@group(0) @binding(0) var<storage, read> points: array<Point>;
@group(0) @binding(1) var<storage, read_write> words: array<u32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let item = flat_index(id);
  if (item >= arrayLength(&points)) { return; }
  let point = points[item];
  words[5u * item] = bitcast<u32>(point.x);
  words[5u * item + 1u] = point.id;
  words[5u * item + 2u] = bitcast<u32>(point.y);
  words[5u * item + 3u] = bitcast<u32>(point.shift);
  words[5u * item + 4u] = bitcast<u32>(point.weight);
}
`,
  'lib/index.wgsl': 'fn flat_index(id: vec3u) -> u32 { return id.x; }\n',
  'affine.wgsl': `//#import "lib/index.wgsl"
struct Parameters { scale: f32, total: u32 }
override LENGTH: u32 = 1u;
@group(0) @binding(0) var<storage, read> source: array<f32>;
@group(0) @binding(1) var<storage, read_write> result: array<f32>;
@group(0) @binding(2) var<uniform> parameters: Parameters;
@group(0) @binding(3) var<storage, read> table: array<f32>;
@group(0) @binding(4) var<storage, read> ones: array<f32>;
@compute @workgroup_size(64)
fn scale_values(@builtin(global_invocation_id) id: vec3u) {
  let at = flat_index(id);
  if (at < parameters.total) { result[at] = source[at] * parameters.scale; }
}
@compute @workgroup_size(64)
fn add_table(@builtin(global_invocation_id) id: vec3u) {
  let at = flat_index(id);
  if (at < parameters.total) { result[at] = source[at] + table[at % LENGTH] * ones[at % 4u]; }
}
`,
  'broken.wgsl': `//#import "lib/index.wgsl"
@compute @workgroup_size(1)
fn main() { missing_function(1.0); }
`,
};

/** A chain of one kernel whose wires are called as the kernel calls them. */
export function single(
  kernel: string,
  options: object = {},
): {
  steps: [{ kernel: string; options: object; inputs: Record<string, string>; outputs: Record<string, string> }];
  keep: string[];
} {
  const named = (arrays: object): Record<string, string> => Object.fromEntries(Object.keys(arrays).map((name) => [name, name]));
  const { spec } = TOYS[kernel];
  return {
    steps: [{ kernel, options, inputs: named(spec.inputs), outputs: named(spec.outputs) }],
    keep: Object.keys(spec.outputs),
  };
}
