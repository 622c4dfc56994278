/** WebGPU in Node: the one file that imports `webgpu` (Dawn). Lists adapters and opens the one that is asked for. */
import { create } from 'webgpu';
import { ArcletError } from '../core/errors.ts';
import { type GpuContext, keepReachable, openGpuContext } from './context.ts';
import { isSoftwareName } from './limits.ts';
import { enableSoftwareAdapter, locateSoftwareAdapter } from './software.node.ts';

export { locateSoftwareAdapter } from './software.node.ts';

/** An adapter as Dawn lists it. */
export interface AdapterListing {
  readonly name: string;
  readonly backend: string;
  readonly isSoftware: boolean;
}

/** `auto`: hardware only. `software`: SwiftShader or another software adapter. `null`: Dawn's null backend. Else (part of) a name. */
export type AdapterChoice = 'auto' | 'software' | 'null' | (string & {});

/**
 * Dawn may zero workgroup memory through a Vulkan extension, which SwiftShader compiles ten times slower than a loop in the shader: a set of FFT
 * pipelines took 2.7-4.9 s, and takes 0.3-0.7 s without.
 */
const SOFTWARE_FLAG = 'disable-dawn-features=use_vulkan_zero_initialize_workgroup_memory_extension';

/** A `GPU` object of Dawn, kept reachable. Each has its own instance and adapters. */
export function createNodeGpu(
  options: { adapter?: string; backend?: string; nullBackend?: boolean; software?: boolean } = {},
): GPU {
  const flags: string[] = [];
  const backend = options.nullBackend === true ? 'null' : options.backend;
  if (backend !== undefined) flags.push(`backend=${backend}`);
  if (options.adapter !== undefined) flags.push(`adapter=${options.adapter}`);
  if (options.software === true) flags.push(SOFTWARE_FLAG);
  return keepReachable(create(flags));
}

const NO_SUCH_ADAPTER = 'arclet-asks-for-the-list';

/**
 * All adapters that Dawn sees, SwiftShader included where it can be found; hardware first.
 * Dawn has no call that lists them, but it names them all when it is asked for one that does not exist.
 */
export async function listAdapters(): Promise<AdapterListing[]> {
  // Also for `auto`: with no driver at all Dawn writes warnings to the terminal.
  const software = locateSoftwareAdapter();
  if (software !== undefined) enableSoftwareAdapter(software);
  let message = '';
  try {
    await createNodeGpu({ adapter: NO_SUCH_ADAPTER }).requestAdapter();
  } catch (error) {
    message = error instanceof Error ? error.message : String(error);
  }
  return [...message.matchAll(/backend: '([^']*)', name: '([^\n]*)'/g)]
    .map(([, backend, name]) => ({ backend, name, isSoftware: isSoftwareName(name) }))
    .sort((a, b) => Number(a.isSoftware) - Number(b.isSoftware));
}

/**
 * Opens a device in Node.
 * Rejects with GPU_UNAVAILABLE (`auto` without hardware) or ADAPTER_NOT_FOUND (a name that no adapter has; names those that exist).
 */
export async function openNodeGpu(choice: AdapterChoice): Promise<GpuContext> {
  if (choice === 'null') return openGpuContext(createNodeGpu({ nullBackend: true }), { backend: 'null' });
  const adapters = await listAdapters();
  const matches = adapters.filter((adapter) => accepts(choice, adapter));
  if (matches.length === 0) throw notFound(choice, adapters);
  if (choice === 'auto') {
    // Dawn knows best which of several GPUs is the fast one.
    const preferred = await openGpuContext(createNodeGpu(), { backend: matches[0].backend });
    if (!preferred.info.isSoftware) return preferred;
    preferred.device.destroy();
  }
  const { name, backend, isSoftware } = matches[0];
  return openGpuContext(createNodeGpu({ adapter: name, backend, software: isSoftware }), { backend });
}

function accepts(choice: AdapterChoice, adapter: AdapterListing): boolean {
  if (choice === 'auto') return !adapter.isSoftware;
  if (choice === 'software') return adapter.isSoftware;
  return adapter.name.toLowerCase().includes(choice.toLowerCase());
}

function notFound(choice: AdapterChoice, adapters: readonly AdapterListing[]): ArcletError {
  const names = adapters.map(({ name }) => `'${name}'`).join(', ') || 'none';
  if (choice === 'auto') {
    return new ArcletError('GPU_UNAVAILABLE', `no hardware GPU was found, adapters seen: ${names}`, {
      remedy: 'Run with the cpu backend, or ask for the adapter software by name.',
      data: { adapters },
    });
  }
  const remedy =
    choice === 'software'
      ? 'Install @sparticuz/chromium (Linux x64), or set ARCLET_SWIFTSHADER to a folder with vk_swiftshader_icd.json.'
      : 'Choose one of the adapters named, auto, or software.';
  return new ArcletError('ADAPTER_NOT_FOUND', `no adapter is called '${choice}', adapters seen: ${names}`, {
    subject: choice,
    remedy,
    data: { adapters },
  });
}
