import { fileURLToPath } from 'node:url';
import { type BuildResult, build } from 'esbuild';
import { describe, expect, it } from 'vitest';

const bundle = (entry: string, platform: 'browser' | 'node'): Promise<BuildResult<{ write: false; metafile: true }>> =>
  build({
    entryPoints: [fileURLToPath(new URL(entry, import.meta.url))],
    bundle: true,
    platform,
    format: 'esm',
    write: false,
    metafile: true,
    logLevel: 'silent',
  });

describe('the browser entry', () => {
  it('bundles without a module of Node and without webgpu', async () => {
    // esbuild fails on an import that a browser cannot resolve, `node:` ones included.
    const { metafile, outputFiles } = await bundle('../../src/browser.ts', 'browser');
    const inputs = Object.keys(metafile.inputs);
    expect(inputs.some((path) => path.endsWith('src/engine/gpu-executor.ts'))).toBe(true);
    expect(inputs.filter((path) => path.includes('node.ts') || path.includes('node_modules'))).toEqual([]);
    expect(outputFiles[0].text).not.toMatch(/from\s*["']node:/);
  });

  it('is told apart by this very check: the Node entry does not bundle for a browser', async () => {
    await expect(bundle('../../src/index.ts', 'browser')).rejects.toThrow(/node:/);
  });

  it('computes on the CPU in the calling thread where there is no GPU', async () => {
    const { openEngine } = await import('../../src/browser.ts');
    const engine = await openEngine({ onEvent: () => {} });
    expect(engine.info).toMatchObject({ backend: 'cpu', workers: 0 });
    expect(engine.info.reason).toMatch(/no WebGPU/);
    await engine.close();
  });
});
