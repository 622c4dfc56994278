/** float64 twin of background-mesh: the statistics that backgrounds of images are measured with. */
import { Recent } from '../../src/core/recent.ts';
import type { CpuTwin } from '../../src/engine/kernel.ts';
import { MeshStatistics } from '../../src/sky/detection/background-mesh.ts';
import { type BackgroundMeshOptions, meshWords } from './spec.ts';

const statistics = new Recent<{ readonly mesh: MeshStatistics; readonly mask: Uint8Array }>();

export const cpu: CpuTwin<BackgroundMeshOptions> = ({ pixels }, inputs, outputs, count) => {
  const values = inputs['pixels'] as Float32Array;
  const bad = inputs['bad'] as Uint32Array;
  const area = inputs['area'] as Uint32Array;
  const words = meshWords(pixels);
  const { mesh, mask } = statistics.get({ pixels }, () => ({
    mesh: new MeshStatistics(pixels),
    mask: new Uint8Array(pixels),
  }));
  for (let item = 0; item < count; item++) {
    const start = item * pixels;
    const bits = bad.subarray(item * words, (item + 1) * words);
    const hasBad = bits.some((word) => word !== 0);
    if (hasBad) for (let p = 0; p < pixels; p++) mask[p] = (bits[p >> 5] >>> (p & 31)) & 1;
    mesh.measure(values.subarray(start, start + pixels), hasBad ? mask : undefined, 0, pixels, pixels, 1, area[item]);
    outputs['level'][item] = mesh.level || 0;
    outputs['rms'][item] = mesh.rms || 0;
    outputs['mean'][item] = mesh.mean || 0;
    outputs['median'][item] = mesh.median || 0;
    outputs['good'][item] = mesh.good;
  }
};
