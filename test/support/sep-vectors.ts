/** Fields, settings and results of SEP among the reference vectors. */
import { readFileSync } from 'node:fs';
import type { ImagePixels } from '../../src/sky/detection/index.ts';
import { readNpz } from './npz.ts';
import { shared } from './shared.ts';

export interface SepRun {
  name: string;
  objects: Record<'x' | 'y' | 'a' | 'b' | 'theta', number[]>;
  sum_circle_r5: { flux: number[]; err: number[]; flag: number[]; gain: number };
  sum_circle_r3p3_exact: { flux: number[]; err: number[] };
  sum_circann_6_8: number[];
  kron_radius: number[];
  kron_flux_2p5: number[];
  kron_err: number[];
  flux_radius_50_90: [number, number][];
  winpos: { x: number[]; y: number[]; flag: number[] };
}

export interface SepField {
  file: string;
  bw: number;
  bh: number;
  fw: number;
  fh: number;
  globalback: number;
  globalrms: number;
  runs: SepRun[];
  image: ImagePixels;
  /** The image less SEP's background, which the runs were made on. */
  subtracted: ImagePixels;
  mask: Uint8Array | undefined;
  back: Float32Array;
  rms: Float32Array;
}

export function sepFields(): SepField[] {
  const { cases } = JSON.parse(readFileSync(shared('vectors/sep/cases.json'), 'utf8'));
  return cases.map((field: SepField & { N: number; use_mask: boolean }) => {
    const arrays = readNpz(shared(`vectors/sep/${field.file}`));
    const data = arrays.image.data as Float32Array;
    const back = arrays.back.data as Float32Array;
    const size = { width: field.N, height: field.N };
    return {
      ...field,
      image: { data, ...size },
      subtracted: { data: data.map((value, i) => value - back[i]), ...size },
      mask: field.use_mask ? (arrays.mask.data as Uint8Array) : undefined,
      back,
      rms: arrays.rms.data as Float32Array,
    };
  });
}

/** Largest |a - b| over |b|, or over `scale`. */
export function worst(a: ArrayLike<number>, b: ArrayLike<number>, scale: ArrayLike<number> | number = b): number {
  let most = 0;
  for (let i = 0; i < b.length; i++) {
    const difference = Math.abs(a[i] - b[i]) / Math.abs(typeof scale === 'number' ? scale : scale[i]);
    // Not a number is the worst of all.
    if (!(difference <= most)) most = difference;
  }
  return most;
}
