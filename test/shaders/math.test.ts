import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SHADERS } from '../../kernels/shaders.generated.ts';
import type { GpuContext } from '../../src/gpu/context.ts';
import { USAGE } from '../../src/gpu/pool.ts';
import { compileShader, resolveShader } from '../../src/gpu/shaders.ts';
import { bn } from '../../src/sky/profiles/sersic.ts';
import { openTestGpu } from '../support/gpu.ts';

const POINTS = 1 << 16;
let context: GpuContext;

beforeAll(async () => {
  context = await openTestGpu();
});
afterAll(() => context.device.destroy());

/** Evaluates a WGSL expression in x and y at every pair. */
async function evaluate(library: string, expression: string, xs: Float32Array<ArrayBuffer>, ys: Float32Array<ArrayBuffer>) {
  const { device } = context;
  const code = `//#import "${library}"
@group(0) @binding(0) var<storage, read> xs: array<f32>;
@group(0) @binding(1) var<storage, read> ys: array<f32>;
@group(0) @binding(2) var<storage, read_write> values: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  let x = xs[id.x];
  let y = ys[id.x];
  values[id.x] = ${expression} + 0.0 * y;
}`;
  const module = await compileShader(device, resolveShader({ ...SHADERS, 'probe.wgsl': code }, 'probe.wgsl'));
  const pipeline = await device.createComputePipelineAsync({ layout: 'auto', compute: { module, entryPoint: 'main' } });
  const inputs = [xs, ys].map((data) => {
    const buffer = device.createBuffer({ size: data.byteLength, usage: USAGE.storage | USAGE.copyTarget });
    device.queue.writeBuffer(buffer, 0, data);
    return buffer;
  });
  const output = device.createBuffer({ size: xs.byteLength, usage: USAGE.storage | USAGE.copySource });
  const readback = device.createBuffer({ size: xs.byteLength, usage: USAGE.copyTarget | USAGE.mapRead });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  const entries = [...inputs, output].map((buffer, binding) => ({ binding, resource: { buffer } }));
  pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
  pass.dispatchWorkgroups(POINTS / 64);
  pass.end();
  encoder.copyBufferToBuffer(output, 0, readback, 0, xs.byteLength);
  device.queue.submit([encoder.finish()]);
  await readback.mapAsync(USAGE.mapRead);
  const values = new Float32Array(readback.getMappedRange().slice(0));
  for (const buffer of [...inputs, output, readback]) buffer.destroy();
  return values;
}

type Axis = (u: number) => number;
const linear =
  (low: number, high: number): Axis =>
  (u) =>
    low + (high - low) * u;
const powers =
  (low: number, high: number): Axis =>
  (u) =>
    10 ** (low + (high - low) * u);

/** Largest error in units of the last place of the exact value. */
async function worstUlp(
  expression: string,
  xAxis: Axis,
  exact: (x: number, y: number) => number,
  yAxis: Axis = () => 0,
): Promise<number> {
  const xs = Float32Array.from({ length: POINTS }, (_, i) => xAxis((i + 0.5) / POINTS));
  const ys = Float32Array.from({ length: POINTS }, (_, i) => yAxis((((i * 7919) % POINTS) + 0.5) / POINTS));
  const values = await evaluate('lib/math.wgsl', expression, xs, ys);
  let worst = 0;
  for (let i = 0; i < POINTS; i++) {
    const wanted = exact(xs[i], ys[i]);
    const ulp = 2 ** (Math.floor(Math.log2(Math.max(Math.abs(wanted), 1.2e-38))) - 23);
    const error = Math.abs(values[i] - wanted) / ulp;
    // NaN compares false: it must not pass for a small error.
    if (!(error <= worst)) worst = Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
  }
  return worst;
}

describe('shaders/lib/math.wgsl', () => {
  it.each([
    ['sin_cos(x).x over +-400', 'sin_cos(x).x', linear(-400, 400), Math.sin],
    ['sin_cos(x).y over +-400', 'sin_cos(x).y', linear(-400, 400), Math.cos],
    ['arc_tan from 1e-8 to 1e8', 'arc_tan(x)', powers(-8, 8), Math.atan],
    ['arc_tan below 0', 'arc_tan(x)', linear(-20, 0), Math.atan],
    ['log_e over all exponents', 'log_e(x)', powers(-37, 38), Math.log],
    ['log_e around 1', 'log_e(x)', linear(0.5, 2), Math.log],
    ['log1p_e', 'log1p_e(x)', linear(-0.9, 3), Math.log1p],
    ['log1p_e near 0', 'log1p_e(x)', powers(-8, -1), Math.log1p],
    ['exp_e over its range', 'exp_e(x)', linear(-87, 88), Math.exp],
    ['area_tanh', 'area_tanh(x)', linear(-0.999, 0.999), Math.atanh],
    ['area_tanh near 0', 'area_tanh(x)', powers(-8, -0.1), Math.atanh],
  ] as const)('%s: 4 ULP', async (_, expression, axis, exact) => {
    expect(await worstUlp(expression, axis, exact)).toBeLessThan(4);
  });

  it('arc_tan2 in all quadrants: 4 ULP', async () => {
    expect(await worstUlp('arc_tan2(y, x)', linear(-5, 5), (x, y) => Math.atan2(y, x), linear(-5, 5))).toBeLessThan(4);
  });

  it('limits: exp_e of large arguments, arc_tan2 of the origin, area_tanh of 0', async () => {
    const xs = Float32Array.from({ length: POINTS }, (_, i) => [-1e4, 0, 1e4][i % 3]);
    const zeros = new Float32Array(POINTS);
    const exponentials = await evaluate('lib/math.wgsl', 'exp_e(x)', xs, zeros);
    expect([...exponentials.subarray(0, 2)]).toEqual([0, 1]);
    expect(exponentials[2] / Math.exp(88)).toBeCloseTo(1, 5);
    expect((await evaluate('lib/math.wgsl', 'arc_tan2(y, y) + area_tanh(y)', xs, zeros))[0]).toBe(0);
  });
});

describe('shaders/lib/light/sersic.wgsl', () => {
  it('is within 5e-6 relative of float64 while the value is above 1e-9, and 1 at the centre', async () => {
    const xs = Float32Array.from({ length: POINTS }, (_, i) => (i === 0 ? 0 : 10 ** (-8 + (9 * i) / POINTS)));
    const ys = new Float32Array(POINTS);
    for (const n of [0.3, 0.5, 1, 2.5, 4, 8]) {
      const b = Math.fround(bn(n));
      const inverseN = Math.fround(1 / n);
      const values = await evaluate('lib/light/sersic.wgsl', `sersic_profile(x, ${b}, ${inverseN})`, xs, ys);
      expect(values[0]).toBe(1);
      let worst = 0;
      for (let i = 1; i < POINTS; i++) {
        const wanted = Math.exp(-b * xs[i] ** (inverseN / 2));
        if (wanted > 1e-9) worst = Math.max(worst, Math.abs(values[i] / wanted - 1));
      }
      expect(worst).toBeLessThan(5e-6);
    }
  });
});
