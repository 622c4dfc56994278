/** What an adapter can do at best: copy bandwidth between two storage buffers and float32 multiply-adds. */
import type { GpuContext } from '../src/gpu/context.ts';
import type { Ceilings } from './cpu-ceilings.ts';

const GROUP = 256;
const ROUNDS = 256;
/** Four vec4 multiply-adds a round. */
const FLOPS_PER_ROUND = 32;
const SECONDS = 0.25;

const COPY = `
@group(0) @binding(0) var<storage, read> source: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> target_: array<vec4f>;
@compute @workgroup_size(${GROUP})
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  for (var i = id.x; i < arrayLength(&source); i += groups.x * ${GROUP}u) { target_[i] = source[i]; }
}`;

const ARITHMETIC = `
@group(0) @binding(0) var<storage, read> source: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> target_: array<vec4f>;
@compute @workgroup_size(${GROUP})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let start = source[id.x % arrayLength(&source)];
  var a = start; var b = start + 0.1; var c = start + 0.2; var d = start + 0.3;
  for (var round = 0u; round < ${ROUNDS}u; round++) {
    a = fma(a, vec4f(0.999), start); b = fma(b, vec4f(0.998), start);
    c = fma(c, vec4f(0.997), start); d = fma(d, vec4f(0.996), start);
  }
  target_[id.x % arrayLength(&target_)] = a + b + c + d;
}`;

async function dispatcher(
  device: GPUDevice,
  code: string,
  buffers: GPUBuffer[],
  groups: number,
): Promise<(times: number) => Promise<void>> {
  const module = device.createShaderModule({ code });
  const pipeline = await device.createComputePipelineAsync({ layout: 'auto', compute: { module, entryPoint: 'main' } });
  const layout = pipeline.getBindGroupLayout(0);
  const bindGroup = device.createBindGroup({
    layout,
    entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
  });
  return async (times) => {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup);
    for (let time = 0; time < times; time++) pass.dispatchWorkgroups(groups);
    pass.end();
    device.queue.submit([encoder.finish()]);
    await device.queue.onSubmittedWorkDone();
  };
}

/** Dispatches per second, over at least a quarter of a second after a warm-up. */
async function rate(run: (times: number) => Promise<void>): Promise<number> {
  await run(1);
  for (let times = 1; ; ) {
    const begin = performance.now();
    await run(times);
    const seconds = (performance.now() - begin) / 1000;
    if (seconds >= SECONDS) return times / seconds;
    times = seconds < 0.01 ? times * 8 : Math.ceil((1.3 * times * SECONDS) / seconds);
  }
}

/** Ceilings of an opened adapter. The buffers are too large for any cache and small enough for every adapter. */
export async function measureGpu({ device, info }: GpuContext): Promise<Ceilings> {
  const bytes = info.isSoftware ? 2 ** 26 : 2 ** 27;
  const groups = info.isSoftware ? 64 : 2 ** 15;
  const buffers = [0, 1].map(() => device.createBuffer({ size: bytes, usage: 0x80 /* STORAGE */ }));
  try {
    const copies = await rate(await dispatcher(device, COPY, buffers, 4096));
    const sums = await rate(await dispatcher(device, ARITHMETIC, buffers, groups));
    return { bytesPerSecond: 2 * bytes * copies, flopsPerSecond: groups * GROUP * ROUNDS * FLOPS_PER_ROUND * sums };
  } finally {
    for (const buffer of buffers) buffer.destroy();
  }
}
