/** Compute pipelines by what they are made of; each is compiled once per device, also when asked for twice at the same time. */
import { ArcletError } from '../core/errors.ts';
import type { StructLayout } from './layout.ts';
import { compileShader, resolveShader, type ShaderSources } from './shaders.ts';

/** How a shader uses a binding: `read` and `write` are storage, `write` may also read. */
export type BindingAccess = 'read' | 'write' | 'uniform';

export interface PipelineRequest {
  /** Path below shaders/. */
  readonly shader: string;
  readonly entry: string;
  readonly structs?: readonly StructLayout[];
  readonly overrides?: Readonly<Record<string, number>>;
  /** Access of @group(0) @binding(0..). */
  readonly accesses: readonly BindingAccess[];
}

export interface Pipeline {
  readonly pipeline: GPUComputePipeline;
  readonly bindGroupLayout: GPUBindGroupLayout;
}

const BUFFER_TYPE = { read: 'read-only-storage', write: 'storage', uniform: 'uniform' } as const;
const COMPUTE_STAGE = 4;

/** The pipelines of one device. */
export class PipelineCache {
  readonly #device: GPUDevice;
  readonly #sources: ShaderSources;
  readonly #modules = new Map<string, Promise<GPUShaderModule>>();
  readonly #layouts = new Map<string, GPUBindGroupLayout>();
  readonly #pipelines = new Map<string, Promise<Pipeline>>();

  constructor(device: GPUDevice, sources: ShaderSources) {
    this.#device = device;
    this.#sources = sources;
  }

  /** Number of distinct pipelines. */
  get size(): number {
    return this.#pipelines.size;
  }

  /** Rejects with SHADER_IMPORT, SHADER_COMPILE or, when the pipeline itself is refused, GPU_VALIDATION. */
  get(request: PipelineRequest): Promise<Pipeline> {
    const shaderKey = JSON.stringify([request.shader, (request.structs ?? []).map((layout) => layout.wgsl)]);
    const overrides = Object.entries(request.overrides ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
    const key = JSON.stringify([shaderKey, request.entry, overrides, request.accesses]);
    let pipeline = this.#pipelines.get(key);
    if (pipeline === undefined) {
      pipeline = this.#make(request, shaderKey);
      this.#pipelines.set(key, pipeline);
    }
    return pipeline;
  }

  async #make(request: PipelineRequest, shaderKey: string): Promise<Pipeline> {
    let compiled = this.#modules.get(shaderKey);
    if (compiled === undefined) {
      compiled = compileShader(this.#device, resolveShader(this.#sources, request.shader, request.structs));
      this.#modules.set(shaderKey, compiled);
    }
    const module = await compiled;
    const label = `${request.shader}#${request.entry}`;
    this.#device.pushErrorScope('validation');
    const bindGroupLayout = this.#bindGroupLayout(request.accesses);
    const layout = this.#device.createPipelineLayout({ label, bindGroupLayouts: [bindGroupLayout] });
    const refusal = await this.#device.popErrorScope();
    if (refusal !== null) throw refused(label, request, refusal.message, refusal);
    try {
      const compute = { module, entryPoint: request.entry, constants: { ...request.overrides } };
      return { pipeline: await this.#device.createComputePipelineAsync({ label, layout, compute }), bindGroupLayout };
    } catch (cause) {
      throw refused(label, request, cause instanceof Error ? cause.message : String(cause), cause);
    }
  }

  #bindGroupLayout(accesses: readonly BindingAccess[]): GPUBindGroupLayout {
    const key = accesses.join();
    let layout = this.#layouts.get(key);
    if (layout === undefined) {
      layout = this.#device.createBindGroupLayout({
        label: key,
        entries: accesses.map((access, binding) => ({
          binding,
          visibility: COMPUTE_STAGE,
          buffer: { type: BUFFER_TYPE[access] },
        })),
      });
      this.#layouts.set(key, layout);
    }
    return layout;
  }
}

function refused(label: string, { overrides, accesses }: PipelineRequest, reason: string, cause: unknown): ArcletError {
  return new ArcletError('GPU_VALIDATION', `pipeline ${label} was refused: ${reason.split('\n')[0]}`, {
    subject: label,
    data: { overrides, accesses, message: reason },
    cause,
  });
}
