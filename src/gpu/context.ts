/** One opened device with everything that must stay alive beside it. Runs in browsers: the `GPU` object is handed in. */
import { ArcletError } from '../core/errors.ts';
import { isSoftwareAdapter, negotiate } from './limits.ts';

/** What an adapter says of itself, as plain data for logs and run records. */
export interface GpuInfo {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
  /** `vulkan`, `metal`, `d3d12`, `null` where the host tells it, else `webgpu`. */
  readonly backend: string;
  readonly isSoftware: boolean;
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
}

export interface GpuContext {
  readonly gpu: GPU;
  readonly adapter: GPUAdapter;
  readonly device: GPUDevice;
  readonly info: GpuInfo;
  readonly lost: Promise<GPUDeviceLostInfo>;
}

export interface OpenContextOptions {
  readonly powerPreference?: GPUPowerPreference;
  /** Name of the backend, when the caller knows it. */
  readonly backend?: string;
}

/**
 * Dawn's Node bindings keep a raw pointer to the instance: once the object that create() gave is collected, the next event
 * loop turn is a use after free (SIGSEGV, or mapAsync that never ends). There are few of them, so they are kept for good.
 */
const reachable = new Set<GPU>();

/** Keeps a `GPU` object from being collected for as long as the process lives. */
export function keepReachable(gpu: GPU): GPU {
  reachable.add(gpu);
  return gpu;
}

/**
 * Opens a device with the adapter's own limits (negotiate) and `timestamp-query` where there is one.
 * Rejects with GPU_UNAVAILABLE when there is no adapter or it refuses the device.
 */
export async function openGpuContext(gpu: GPU, options: OpenContextOptions = {}): Promise<GpuContext> {
  keepReachable(gpu);
  const adapter = await gpu.requestAdapter({ powerPreference: options.powerPreference ?? 'high-performance' });
  if (adapter === null) {
    throw new ArcletError('GPU_UNAVAILABLE', 'no WebGPU adapter was found', {
      remedy: 'Install a Vulkan, Metal or D3D12 driver, or run with the cpu backend.',
    });
  }
  let device: GPUDevice;
  try {
    device = await adapter.requestDevice(negotiate(adapter));
  } catch (cause) {
    throw new ArcletError('GPU_UNAVAILABLE', `adapter '${adapter.info.description || adapter.info.device}' refused a device`, {
      remedy: 'Update the driver, choose another adapter, or run with the cpu backend.',
      cause,
    });
  }
  return { gpu, adapter, device, info: describe(adapter, device, options.backend), lost: device.lost };
}

function describe(adapter: GPUAdapter, device: GPUDevice, backend = 'webgpu'): GpuInfo {
  const { info } = adapter;
  const limits: Record<string, number> = {};
  // The limits are getters of the prototype, which no spread would copy.
  for (const name in device.limits) {
    const value = (device.limits as unknown as Record<string, unknown>)[name];
    if (typeof value === 'number') limits[name] = value;
  }
  return {
    vendor: info.vendor,
    architecture: info.architecture,
    device: info.device,
    description: info.description,
    backend,
    isSoftware: isSoftwareAdapter(info),
    features: [...device.features].sort(),
    limits,
  };
}
