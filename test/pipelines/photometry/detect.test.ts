import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PhiloxStream, philoxKey } from '../../../src/core/rng.ts';
import { openEngine } from '../../../src/engine/engine.ts';
import type { Engine } from '../../../src/engine/face.ts';
import { nodeEnvironment } from '../../../src/index.ts';
import { measureBackgroundWith } from '../../../src/pipelines/photometry/detect/background.ts';
import { extractWith, filterWith } from '../../../src/pipelines/photometry/detect/filter.ts';
import { isWorthDevice } from '../../../src/pipelines/photometry/detect/worth.ts';
import { type ExtractOptions, extract, measureBackground } from '../../../src/sky/detection/index.ts';
import { openTestGpu } from '../../support/gpu.ts';

const WIDTH = 301;
const HEIGHT = 203;

/** Stars of sigma 1.3 px on a sky with a slope, noise of 1, masked stripes, pixels that are no numbers and a hot one. */
function scene() {
  const random = new PhiloxStream(philoxKey(21));
  const data = new Float32Array(WIDTH * HEIGHT);
  for (let at = 0; at < data.length; at++) data[at] = 100 + 0.02 * (at % WIDTH) + random.normal();
  for (let star = 0; star < 60; star++) {
    const [x, y, flux] = [random.between(0, WIDTH), random.between(0, HEIGHT), 2000 * random.uniform() ** 2 + 60];
    for (let iy = Math.max(0, Math.floor(y) - 8); iy < Math.min(HEIGHT, y + 8); iy++)
      for (let ix = Math.max(0, Math.floor(x) - 8); ix < Math.min(WIDTH, x + 8); ix++)
        data[iy * WIDTH + ix] += (flux / 10.6) * Math.exp(-((ix - x) ** 2 + (iy - y) ** 2) / 3.38);
  }
  data[0] = Number.NaN;
  data[5 * WIDTH + 7] = Number.POSITIVE_INFINITY;
  data[50 * WIDTH + 70] = 1e12;
  const mask = Uint8Array.from({ length: data.length }, (_, at) => (at % WIDTH === 40 || at % 997 === 0 ? 1 : 0));
  const err = Float32Array.from({ length: data.length }, (_, at) => (at % 1009 === 0 ? 0 : 0.8 + 0.4 * random.uniform()));
  return { image: { data, width: WIDTH, height: HEIGHT }, mask, err };
}

const MESHES = { meshWidth: 32, meshHeight: 24, filterWidth: 3, filterHeight: 3 };

describe('detection on an engine', () => {
  let gpu: Engine;
  let cpu: Engine;
  beforeAll(async () => {
    gpu = await openEngine({ backend: 'gpu' }, { ...nodeEnvironment, openGpu: openTestGpu });
    cpu = await openEngine({ backend: 'cpu', workers: 0 }, nodeEnvironment);
  });
  afterAll(async () => {
    await gpu.close();
    await cpu.close();
  });

  it('measures the background of a frame as this thread does, to 0.005 of the noise; meshes that the border cuts too', async () => {
    const { image, mask } = scene();
    for (const options of [MESHES, { ...MESHES, mask }, { ...MESHES, meshWidth: 400, meshHeight: 100 }]) {
      const here = measureBackground(image, options);
      const there = await measureBackgroundWith(gpu, image, options, 'device');
      expect(there.columns).toBe(here.columns);
      here.meshLevel.forEach((level, mesh) => {
        expect(Math.abs(there.meshLevel[mesh] - level)).toBeLessThan(0.005);
        expect(Math.abs(there.meshRms[mesh] - here.meshRms[mesh])).toBeLessThan(0.005);
      });
    }
  });

  it('fills meshes without good pixels, and measures here what float32 does not hold', async () => {
    const { image } = scene();
    const data = image.data.map((value, at) => (at % WIDTH < 32 ? 1e-20 * value : value));
    data[40] = 3e30;
    const mask = Uint8Array.from(data, (_, at) => (at % WIDTH >= 64 && at % WIDTH < 96 ? 1 : 0));
    const options = { ...MESHES, mask, filterWidth: 1, filterHeight: 1 };
    const here = measureBackground({ ...image, data }, options);
    const there = await measureBackgroundWith(gpu, { ...image, data }, options, 'device');
    expect(here.filledMeshes).toBe(here.rows);
    expect(there.filledMeshes).toBe(here.filledMeshes);
    for (let mesh = 0; mesh < here.meshLevel.length; mesh++) {
      expect(Math.abs(there.meshLevel[mesh] - here.meshLevel[mesh])).toBeLessThanOrEqual(0.005 * here.meshRms[mesh]);
    }
    expect(there.meshLevel[0]).toBe(here.meshLevel[0]);
    expect(there.meshLevel[1]).toBe(here.meshLevel[1]);
  });

  it('finds the same objects with the filter there as here, matched or plain, over tiles and borders', async () => {
    const { image, mask, err } = scene();
    const flat = { ...image, data: image.data.map((value) => value - 103) };
    const moffat = Array.from({ length: 7 }, (_, j) =>
      Array.from({ length: 6 }, (_, i) => (1 + ((i - 3) ** 2 + (j - 3) ** 2) / 5) ** -2.5),
    );
    const settings: ExtractOptions[] = [
      { thresh: 3, err, mask },
      { thresh: 3, err: 1, mask },
      { thresh: 4, err, mask, filterType: 'conv' },
      { thresh: 3, err, mask, filterKernel: moffat },
      { thresh: 3, var: err.map((sigma) => sigma * sigma), filterKernel: moffat },
    ];
    for (const options of settings) {
      const here = extract(flat, { ...options, segmentation: true });
      const there = await extractWith(gpu, flat, { ...options, segmentation: true }, 'device');
      expect(here.objects.count).toBeGreaterThan(30);
      expect(there.counts).toEqual(here.counts);
      expect(there.segmentation).toEqual(here.segmentation);
      expect(there.objects.flux).toEqual(here.objects.flux);
      here.objects.cflux.forEach((flux, row) => {
        expect(Math.abs(there.objects.cflux[row] / flux - 1)).toBeLessThan(1e-5);
      });
    }
  });

  it('leaves the filter to this thread where float32 or the kernel do not allow it', async () => {
    const { image, err } = scene();
    const options = { thresh: 3, err };
    const wide = Array.from({ length: 27 }, () => new Array<number>(3).fill(1));
    expect(await filterWith(gpu, image, { ...options, filterKernel: wide }, 'device')).toBeUndefined();
    expect(await filterWith(gpu, image, { ...options, filterKernel: null }, 'device')).toBeUndefined();
    expect(await filterWith(gpu, { ...image, data: Float64Array.from(image.data) }, options, 'device')).toBeUndefined();
    const huge = { ...image, data: image.data.map((value, at) => (at === 30_000 ? 1e20 : value)) };
    expect(await filterWith(gpu, huge, options, 'device')).toBeUndefined();
    const faint = err.map((sigma, at) => (at === 30_000 ? 1e-18 : sigma));
    expect(await filterWith(gpu, image, { thresh: 3, err: faint }, 'device')).toBeUndefined();
    expect(await filterWith(gpu, image, options, 'device')).toBeDefined();
  });

  it('takes a device only where it is hardware, the frame large, and the step dear', async () => {
    const { image } = scene();
    expect(await filterWith(gpu, image, { thresh: 3 })).toBeUndefined();
    const hardware = { ...gpu, info: { ...gpu.info, gpu: { ...gpu.info.gpu, isSoftware: false } } } as Engine;
    const dear = { cpu: 100, host: 5, bytes: 8 };
    expect(isWorthDevice(hardware, 16e6, dear)).toBe(true);
    expect(isWorthDevice(hardware, 1e6, dear)).toBe(false);
    expect(isWorthDevice(hardware, 16e6, { ...dear, cpu: 9 })).toBe(false);
    expect(isWorthDevice(hardware, 16e6, { ...dear, bytes: 400 })).toBe(false);
    expect(isWorthDevice(cpu, 16e6, dear)).toBe(false);
    const software = { ...hardware, info: { ...hardware.info, gpu: { ...hardware.info.gpu, isSoftware: true } } } as Engine;
    expect(isWorthDevice(software, 16e6, dear)).toBe(false);
  });
});
