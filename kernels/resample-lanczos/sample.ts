/** Random windows for agreement tests and benches. */
import type { SampleCase } from '../../src/engine/kernel.ts';
import { CONTROL_BITS, controlSide, NO_POSITION, type ResampleLanczosOptions } from './options.ts';

const LANCZOS = {
  interpolation: 'lanczos3',
  conserve: 'flux',
  tile: 64,
  step: 16,
  window: 104,
  stretch: 1,
  minGoodWeight: 0.5,
} as const;

const CASES: readonly (readonly [label: string, options: ResampleLanczosOptions, scale: number])[] = [
  ['lanczos3, 64 x 64 px', LANCZOS, 1],
  ['lanczos3, 2 x larger pixels', { ...LANCZOS, conserve: 'surface-brightness', tile: 32, window: 112, stretch: 2 }, 2],
  ['lanczos3, half as large pixels, step 4', { ...LANCZOS, tile: 24, step: 4, window: 32, minGoodWeight: 0.2 }, 0.5],
  ['bilinear', { ...LANCZOS, interpolation: 'bilinear', tile: 16, step: 8, window: 32 }, 1.1],
  ['nearest', { ...LANCZOS, interpolation: 'nearest', tile: 16, step: 8, window: 32, minGoodWeight: 1 }, 0.9],
];

/**
 * Noise and stars under rotated, scaled and slightly bent maps. Of four items one has no bad pixel and one variance, one no bad pixel, one bad
 * pixels and columns, one reaches over the edge of the window and has a control point without a position.
 */
export function sample(count: number, seed: number): SampleCase<ResampleLanczosOptions>[] {
  const perCase = Math.ceil(count / CASES.length);
  return CASES.flatMap(([label, options, scale], index) => {
    const items = Math.min(perCase, count - index * perCase);
    if (items <= 0) return [];
    const next = uniforms(seed + index);
    const pixels = new Float32Array(items * options.window ** 2);
    const weights = new Float32Array(pixels.length);
    const control = new Int32Array(items * 2 * controlSide(options) ** 2);
    for (let item = 0; item < items; item++) {
      const variant = item % 4;
      drawWindow(
        options.window,
        variant,
        next,
        pixels.subarray(item * options.window ** 2),
        weights.subarray(item * options.window ** 2),
      );
      const block = 2 * controlSide(options) ** 2;
      drawControl(options, scale, variant, next, control.subarray(item * block, (item + 1) * block));
    }
    return [{ label, options, count: items, inputs: { pixels, weights, control } }];
  });
}

function uniforms(seed: number): () => number {
  let state = (Math.imul(seed, 0x9e3779b1) ^ 0x2545f491) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 32;
  };
}

function drawWindow(side: number, variant: number, next: () => number, pixels: Float32Array, weights: Float32Array): void {
  const stars = Array.from({ length: 6 }, () => ({ x: side * next(), y: side * next(), peak: 100 * next() }));
  const badColumn = variant === 2 ? Math.floor(side * next()) : -1;
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      let value = next() - 0.5;
      for (const star of stars) value += star.peak * Math.exp(-((x - star.x) ** 2 + (y - star.y) ** 2) / 5);
      pixels[y * side + x] = value;
      const isBad = variant === 2 && (x === badColumn || next() < 0.02);
      weights[y * side + x] = isBad ? 0 : variant === 0 ? 12.5 : 12 * (0.5 + next());
    }
  }
}

function drawControl(
  options: ResampleLanczosOptions,
  scale: number,
  variant: number,
  next: () => number,
  control: Int32Array,
): void {
  const { tile, step, window } = options;
  const side = controlSide(options);
  const angle = variant === 0 ? 0.01 : 2 * Math.PI * next();
  const [cos, sin] = [scale * Math.cos(angle), scale * Math.sin(angle)];
  const away = variant === 3 ? 0.4 * window : 0;
  const bend = 1e-5 * (next() - 0.5);
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      const [dx, dy] = [column * step - tile / 2, row * step - tile / 2];
      const x = (window - 1) / 2 + away + cos * dx - sin * dy + bend * dx * dx + 0.3;
      const y = (window - 1) / 2 + sin * dx + cos * dy + bend * dy * dx;
      control[2 * (row * side + column)] = Math.round(x * 2 ** CONTROL_BITS);
      control[2 * (row * side + column) + 1] = Math.round(y * 2 ** CONTROL_BITS);
    }
  }
  if (variant === 3) control.fill(NO_POSITION, 0, 1);
}
