/** When a device is worth its transfers: what a step costs on this thread against what it costs to bring pixels there and back. */
import type { Engine } from '../../../engine/face.ts';

/** Nanoseconds and bytes of one pixel. */
export interface StepCost {
  /** On this thread without a device. */
  readonly cpu: number;
  /** On this thread with one: packing, checks, copies, unpacking. */
  readonly host: number;
  /** Over the bus, both ways. */
  readonly bytes: number;
}

/** Bytes a nanosecond over the bus: a quarter of what PCIe 4.0 with 16 lanes carries, since Dawn maps and copies staging buffers. */
const BUS = 6;
/** Pipelines are compiled for this many pixels at least: 0.1 s of work on this thread. */
const LEAST_PIXELS = 4_000_000;
/** Below this gain bits that hang on the machine are not worth it. */
const LEAST_GAIN = 2;

/** True for a hardware adapter, a frame that is large enough, and a step that costs this thread at least twice what the device path costs it. */
export function isWorthDevice(engine: Engine, pixels: number, { cpu, host, bytes }: StepCost): boolean {
  const { backend, gpu } = engine.info;
  if (backend !== 'gpu' || gpu === undefined || gpu.isSoftware) return false;
  return pixels >= LEAST_PIXELS && cpu >= LEAST_GAIN * Math.max(host, bytes / BUS);
}
