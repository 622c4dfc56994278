import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PhiloxStream, philoxKey } from '../../../src/core/rng.ts';
import { openEngine as openWith } from '../../../src/engine/engine.ts';
import type { Engine } from '../../../src/engine/face.ts';
import { nodeEnvironment, openEngine } from '../../../src/index.ts';
import type { ValueRule } from '../../../src/pipelines/photometry/load-frames.ts';
import { BadPlaces, scanRows } from '../../../src/pipelines/photometry/load-scan.ts';
import { ChunkPacker, packStored } from '../../../src/pipelines/photometry/white-pack.ts';
import {
  coaddWhite,
  planChunks,
  type StackFrame,
  type WhiteRows,
  type WhiteStackOptions,
} from '../../../src/pipelines/photometry/white-stack.ts';
import { openTestGpu } from '../../support/gpu.ts';

const MIB = 2 ** 20;

interface Drawn {
  readonly frames: StackFrame[];
  readonly images: Float32Array[];
  readonly bad: Uint8Array[];
  readonly asked: string[];
}

/** Frames in memory: sky on a pedestal, bad pixels (NaN among them), one pixel bad in all bands. */
function draw(bands: number, width: number, height: number, offset = 0): Drawn {
  const asked: string[] = [];
  const images: Float32Array[] = [];
  const bad: Uint8Array[] = [];
  const frames = Array.from({ length: bands }, (_, band): StackFrame => {
    const stream = new PhiloxStream(philoxKey(5), [band, 0, 0]);
    // The flags begin `offset` bytes into their buffer, as those of a section may.
    const flags = new Uint8Array(width * height + offset).subarray(offset);
    const image = new Float32Array(width * height);
    for (let at = 0; at < image.length; at++) {
      flags[at] = +(stream.uniform() < 0.03 || at === 11);
      image[at] = flags[at] ? [Number.NaN, 1e30, Number.POSITIVE_INFINITY][at % 3] : 100 + 3 * stream.normal();
    }
    images.push(image);
    bad.push(flags);
    return {
      band: `m${400 + 25 * band}`,
      width,
      height,
      sigmaSky: 1 + 0.1 * band,
      rows: async (y0, count) => {
        asked.push(`${band}:${y0}+${count}`);
        const range = [y0 * width, (y0 + count) * width] as const;
        return { image: image.subarray(...range), bad: flags.subarray(...range) };
      },
    };
  });
  return { frames, images, bad, asked };
}

/** The stack as its formula says, in float64. */
function wanted({ frames, images, bad }: Drawn): { white: number[]; sigma: number[]; count: number[] } {
  const pixels = images[0].length;
  const found = { white: [] as number[], sigma: [] as number[], count: [] as number[] };
  for (let at = 0; at < pixels; at++) {
    const good = frames.flatMap((frame, band) => (bad[band][at] === 0 ? [{ w: frame.sigmaSky ** -2, v: images[band][at] }] : []));
    const weight = good.reduce((sum, { w }) => sum + w, 0);
    found.white.push(good.reduce((sum, { w, v }) => sum + w * v, 0) / weight);
    found.sigma.push(weight ** -0.5);
    found.count.push(good.length);
  }
  return found;
}

async function stack(engine: Engine, frames: readonly StackFrame[], options: Partial<WhiteStackOptions> = {}) {
  const { width, height } = frames[0];
  const white = new Float32Array(width * height);
  const sigma = new Float32Array(white.length);
  const count = new Uint16Array(white.length);
  const starts: number[] = [];
  const sink = (rows: WhiteRows): void => {
    starts.push(rows.y0);
    white.set(rows.white, rows.y0 * width);
    sigma.set(rows.sigma, rows.y0 * width);
    count.set(rows.count, rows.y0 * width);
  };
  const summary = await coaddWhite(engine, frames, sink, { memoryBudgetBytes: 64 * MIB, ...options });
  return { white, sigma, count, starts, summary };
}

const engines: Record<string, Engine> = {};

beforeAll(async () => {
  engines['thread'] = await openEngine({ backend: 'cpu', workers: 0 });
  engines['workers'] = await openEngine({ backend: 'cpu', workers: 2 });
  engines['gpu'] = await openWith({ backend: 'gpu' }, { ...nodeEnvironment, openGpu: openTestGpu });
});
afterAll(async () => {
  for (const engine of Object.values(engines)) await engine.close();
});

describe('the white stack', () => {
  it.each(['thread', 'workers', 'gpu'])(
    '%s: is the inverse-variance mean of good pixels, in order, chunk by chunk',
    async (name) => {
      const drawn = draw(5, 501, 90, 1);
      const expected = wanted(drawn);
      const found = await stack(engines[name], drawn.frames, { memoryBudgetBytes: 2 * MIB });
      expect(found.summary.chunks).toBeGreaterThan(3);
      expect(found.starts).toEqual(
        Array.from({ length: found.summary.chunks }, (_, chunk) => chunk * found.summary.rowsPerChunk),
      );
      expect(Number.isNaN(found.white[11])).toBe(true);
      expect(found.sigma[11]).toBe(Number.POSITIVE_INFINITY);
      expect(found.summary.emptyPixels).toBe(expected.count.filter((bands) => bands === 0).length);
      expect([...found.count]).toEqual(expected.count);
      for (const [at, white] of expected.white.entries()) {
        if (expected.count[at] === 0) continue;
        expect(Math.abs(found.white[at] - white)).toBeLessThan(1e-6 * white);
        expect(Math.abs(found.sigma[at] - expected.sigma[at])).toBeLessThan(1e-6 * expected.sigma[at]);
      }
    },
  );

  it('has the same bits for any budget', async () => {
    const { frames, asked } = draw(40, 333, 64);
    const one = await stack(engines['workers'], frames);
    expect(one.summary.chunks).toBe(1);
    expect(asked.length).toBe(40);
    const many = await stack(engines['workers'], frames, { memoryBudgetBytes: 8 * MIB });
    expect(many.summary.chunks).toBeGreaterThan(3);
    for (const name of ['white', 'sigma', 'count'] as const) expect(many[name]).toEqual(one[name]);
  });

  it('keeps what the engine and the chunks hold within the budget, for any number of rows', async () => {
    const { frames } = draw(12, 1000, 600);
    const memoryBudgetBytes = 24 * MIB;
    const engine = await openEngine({ backend: 'cpu', workers: 1 });
    const { summary } = await stack(engine, frames, { memoryBudgetBytes });
    expect(summary.chunks).toBeGreaterThan(5);
    expect(summary.plannedBytes).toBeLessThanOrEqual(memoryBudgetBytes);
    expect(summary.plannedBytes).toBeGreaterThan(0.9 * memoryBudgetBytes);
    expect(engine.memory().heldBytes).toBeLessThan(0.5 * summary.plannedBytes);
    await engine.close();
  });

  it('cuts 100 frames of 10 000 x 10 000 so that they fit into half a GiB', () => {
    const plan = planChunks({ bands: 100, width: 10_000, height: 10_000, hasSigmaRows: false }, 2, 512 * MIB);
    expect(plan.plannedBytes).toBeLessThan(512 * MIB);
    expect(plan.rowsPerChunk).toBeGreaterThanOrEqual(4);
    expect(planChunks({ bands: 100, width: 10_000, height: 10_000, hasSigmaRows: false }, 2, 2 ** 40).plannedBytes).toBeLessThan(
      512 * MIB,
    );
  });

  it('takes a sigma for every pixel, and those that are no noise for no coverage', async () => {
    const drawn = draw(3, 64, 8);
    const sigmas = [1, 2, 3].map((sigma) => new Float32Array(512).fill(sigma));
    for (const [at, value] of [0, Number.NaN, Number.POSITIVE_INFINITY, -1].entries()) sigmas[0][20 + at] = value;
    for (const flags of drawn.bad) flags.fill(0);
    for (const [band, image] of drawn.images.entries()) image.fill(10 * (band + 1));
    const frames = drawn.frames.map((frame, band) => ({
      ...frame,
      sigmaRows: async (y0: number, count: number) => sigmas[band].subarray(y0 * 64, (y0 + count) * 64),
    }));
    const { white, sigma, count } = await stack(engines['thread'], frames);
    const all = 1 + 1 / 4 + 1 / 9;
    expect(white[0]).toBeCloseTo((10 + 20 / 4 + 30 / 9) / all, 5);
    expect(sigma[0]).toBeCloseTo(all ** -0.5, 6);
    expect([...count.subarray(19, 25)]).toEqual([3, 2, 2, 2, 2, 3]);
    expect(white[21]).toBeCloseTo((20 / 4 + 30 / 9) / (all - 1), 5);
  });

  it('combines by median or clipped mean when asked to, and floors variances as tract7dt does', async () => {
    const drawn = draw(5, 16, 4);
    for (const flags of drawn.bad) flags.fill(0);
    for (const [band, image] of drawn.images.entries()) image.fill([10, 11, 9, 10, 1000][band]);
    const frames = drawn.frames.map((frame) => ({ ...frame, sigmaSky: 1 }));
    expect((await stack(engines['thread'], frames, { combine: 'median' })).white[5]).toBe(10);
    const clipped = await stack(engines['thread'], frames, { combine: 'clipped', clipFraction: 0 });
    expect(clipped.white[5]).toBe(10);
    expect(clipped.count[5]).toBe(4);
    const faint = frames.map((frame, band) => ({ ...frame, sigmaSky: 1e-7 * (band + 1) }));
    expect((await stack(engines['thread'], faint, { varianceFloor: 1e-12 })).white[5]).toBeCloseTo(208, 3);
    expect((await stack(engines['thread'], faint)).white[5]).toBeLessThan(50);
  });
});

describe('packing of stored values', () => {
  const pack = (values: Float32Array, rule: ValueRule, width: number, runPixels: number, bands = 3, band = 1) => {
    const rows = values.length / width;
    const sigmas = Array.from({ length: bands }, (_, index) => ({ band: `b${index}`, sigmaSky: 1 }));
    const packer = new ChunkPacker({ bands, width, runPixels, rowsPerChunk: rows, varianceFloor: 0, sigmas });
    const chunk = packer.begin(0, rows);
    const bad = new BadPlaces();
    // In pieces that do not fit the runs.
    for (let at = 0; at < values.length; at += 50)
      packStored({ bands, runPixels }, chunk.arrays, band, at, values.subarray(at, at + 50), rule, bad);
    const place = (at: number, planes: number, plane: number) =>
      (Math.floor(at / runPixels) * planes + plane) * runPixels + (at % runPixels);
    const words = Math.ceil(bands / 32);
    return {
      image: Array.from(values, (_, at) => chunk.inputs.image[place(at, bands, band)]),
      isBad: Array.from(values, (_, at) => (chunk.inputs.mask[place(at, words, band >> 5)] >>> (band & 31)) & 1),
      scan: bad.scan({ y0: 0, count: rows, x0: 0, stride: width }, { width, height: rows }),
    };
  };
  const INF = Number.POSITIVE_INFINITY;

  it.each([
    ['with SATURATE', { scale: 0.7, low: -INF, high: 90 }],
    ['without', { scale: 0.7, low: -INF, high: INF }],
    ['where scaled values may leave float32', { scale: 1e6, low: -3.4e32, high: 90 }],
    ['the same without SATURATE', { scale: 1e6, low: -3.4e32, high: 3.4e32 }],
  ])('keeps good pixels and marks bad ones, each for itself: %s', (_, rule) => {
    const stream = new PhiloxStream(philoxKey(9), [0, 0, 0]);
    const odd = [Number.NaN, INF, -INF, 90, 89.99, -3e38, 3e38, -1e33, 1e33, 1e5];
    const values = Float32Array.from({ length: 33 * 40 }, () =>
      stream.uniform() < 0.1 ? odd[Math.floor(10 * stream.uniform())] : stream.between(-20, 80),
    );
    for (const band of [1, 34]) {
      const { image, isBad, scan } = pack(values, rule, 33, 64, 40, band);
      const good = Array.from(values, (value) => value < rule.high && value > rule.low);
      expect(isBad).toEqual(good.map((is) => +!is));
      expect(image).toEqual(Array.from(values, (value, at) => (good[at] ? Math.fround(value * rule.scale) : 0)));
      expect(image.every(Number.isFinite)).toBe(true);
      const scaled = values.map((value) => value * rule.scale);
      const flags = Uint8Array.from(isBad);
      const rows = { y0: 0, count: 40, x0: 0, stride: 33 };
      expect(scan).toEqual(scanRows({ image: scaled, bad: flags }, rows, { width: 33, height: 40 }));
    }
  });
});

describe('the white stack refuses', () => {
  const frames = draw(2, 20, 10).frames;
  const thrown = (of: readonly StackFrame[], options: Partial<WhiteStackOptions> = {}) =>
    coaddWhite(engines['thread'], of, () => {}, { memoryBudgetBytes: MIB, ...options });

  it('frames that do not fit together, by the band', async () => {
    const invalid = (subject: string) => expect.objectContaining({ code: 'INPUT_INVALID', subject });
    await expect(thrown([])).rejects.toEqual(invalid('frames'));
    await expect(thrown([frames[0], { ...frames[1], width: 21 }])).rejects.toEqual(invalid('m425'));
    await expect(thrown([frames[0], { ...frames[1], sigmaRows: async () => new Float32Array(1) }])).rejects.toEqual(
      invalid('m425'),
    );
    for (const sigmaSky of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      await expect(thrown([{ ...frames[0], sigmaSky }])).rejects.toEqual(invalid('m400'));
    }
    await expect(thrown([{ ...frames[0], sigmaSky: 1e-20 }])).rejects.toEqual(invalid('m400'));
  });

  it('a budget below one row, with both numbers', async () => {
    const message = expect.stringMatching(/2 frames 20 px wide needs \d+ MiB.*is 0\.0 MiB/);
    await expect(thrown(frames, { memoryBudgetBytes: 1000 })).rejects.toEqual(
      expect.objectContaining({ code: 'CONFIG_INVALID', subject: 'memory_budget', message }),
    );
  });

  it('to go on when it is stopped, or when a frame or the sink fails', async () => {
    const abort = new AbortController();
    const { frames: many, asked } = draw(3, 500, 400);
    const stop = coaddWhite(engines['workers'], many, () => abort.abort(), { memoryBudgetBytes: MIB, signal: abort.signal });
    await expect(stop).rejects.toEqual(expect.objectContaining({ code: 'ABORTED' }));
    expect(asked.length).toBeLessThan(100);
    const unreadable = { ...frames[1], rows: () => Promise.reject(new Error('tile 3 is torn')) };
    await expect(thrown([frames[0], unreadable])).rejects.toThrow('tile 3 is torn');
    const full = coaddWhite(engines['workers'], frames, () => Promise.reject(new Error('disk full')), { memoryBudgetBytes: MIB });
    await expect(full).rejects.toThrow('disk full');
  });
});
