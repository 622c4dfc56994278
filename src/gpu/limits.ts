/** Which limits and features are asked for: all that the adapter has of those that decide batch and tile sizes. */

const WANTED_LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxUniformBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupSizeZ',
  'maxComputeWorkgroupsPerDimension',
] as const;

const WANTED_FEATURES: readonly GPUFeatureName[] = ['timestamp-query'];

/** The device descriptor for an adapter: without `requiredLimits` WebGPU grants only its defaults (128 MiB bindings, 16 KiB workgroup memory). */
export function negotiate(adapter: GPUAdapter): GPUDeviceDescriptor {
  const requiredLimits: Record<string, number> = {};
  for (const name of WANTED_LIMITS) {
    const value = adapter.limits[name];
    if (typeof value === 'number') requiredLimits[name] = value;
  }
  return { requiredLimits, requiredFeatures: WANTED_FEATURES.filter((feature) => adapter.features.has(feature)) };
}

const SOFTWARE_NAME = /swiftshader|llvmpipe|lavapipe|softpipe|\bwarp\b|basic render/i;

/** True for a rasteriser that runs on the CPU, told by its names (SwiftShader, llvmpipe, lavapipe, WARP). */
export function isSoftwareName(name: string): boolean {
  return SOFTWARE_NAME.test(name);
}

/** True when the adapter's info says fallback, or its names are those of a software rasteriser. */
export function isSoftwareAdapter(info: GPUAdapterInfo): boolean {
  return info.isFallbackAdapter || isSoftwareName(`${info.vendor} ${info.architecture} ${info.device} ${info.description}`);
}

const GIB = 2 ** 30;

/** Device memory that pools may hold unless told otherwise, bytes. A software adapter's memory is the machine's own, so it gets half. */
export function defaultMemoryBudget(limits: GPUSupportedLimits, isSoftware: boolean): number {
  return Math.min(isSoftware ? GIB / 2 : GIB, 4 * limits.maxStorageBufferBindingSize);
}
