/** Stamps and contexts for the tests of template banks. */
import { PhiloxStream, philoxKey } from '../../../src/core/rng.ts';
import { encodeFits, type HduInput } from '../../../src/io/fits/index.ts';
import { type BankConfig, BankConfigSchema } from '../../../src/pipelines/injection/bank/config.ts';
import type { Stamp } from '../../../src/pipelines/injection/bank/examine.ts';
import { smooth } from '../../../src/pipelines/injection/bank/segment.ts';
import type { StageContext } from '../../../src/pipelines/stage.ts';

export const bankConfig = (keys: Record<string, unknown> = {}): BankConfig => BankConfigSchema.parse(keys);

/** An exponential disc of unit central brightness, averaged over 6 x 6 points a pixel; centre and half-light radius in pixels. */
export function exponential(side: number, x0: number, y0: number, radius: number, peak = 1): Float64Array {
  const out = new Float64Array(side * side);
  const cells = 6;
  for (let pixel = 0; pixel < out.length; pixel++) {
    for (let cell = 0; cell < cells * cells; cell++) {
      const x = (pixel % side) + ((cell % cells) + 0.5) / cells - 0.5 - x0;
      const y = Math.floor(pixel / side) + (Math.floor(cell / cells) + 0.5) / cells - 0.5 - y0;
      out[pixel] += (peak * Math.exp((-1.678347 * Math.hypot(x, y)) / radius)) / (cells * cells);
    }
  }
  return out;
}

/** Adds Gaussian noise of this standard deviation, smoothed by `correlation` pixels before, and a sky. */
export function noisy(image: Float64Array, side: number, sigma: number, seed: number, correlation = 0, sky = 0): Float64Array {
  const stream = new PhiloxStream(philoxKey(seed));
  const white = Float64Array.from(image, () => stream.normal());
  const noise = smooth(white, { width: side, height: side }, correlation);
  const rms = Math.sqrt(noise.reduce((sum, value) => sum + value * value, 0) / noise.length);
  return image.map((value, pixel) => value + (sigma * noise[pixel]) / rms + sky);
}

export const stampOf = (image: Float64Array, side: number, pixscaleArcsec = 0.03): Stamp => ({
  image,
  width: side,
  height: side,
  pixscaleArcsec,
});

export function fitsBytes(hdus: readonly HduInput[]): Uint8Array {
  return Buffer.concat([...encodeFits(hdus)]);
}

export const imageHdu = (data: Float64Array, shape: readonly number[], pixscale?: number): HduInput => ({
  kind: 'image',
  data: data.slice(),
  shape,
  cards: pixscale === undefined ? [] : [{ keyword: 'PIXSCALE', value: pixscale }],
});

export function contextOf(change: Partial<StageContext> = {}): StageContext {
  return {
    signal: new AbortController().signal,
    log: { info: () => undefined, progress: () => undefined },
    version: '0.0.0',
    shard: { index: 0, count: 1 },
    force: false,
    record: { configHash: 'hash', current: {}, note: async () => undefined },
    engine: () => Promise.reject(new Error('a bank needs no engine')),
    ...change,
  };
}
