/**
 * Frozen random numbers of the manifest.
 *
 * Rows: each quantity has a stream of its own, Philox4x32-10 with the first 64 bits of SHA-256("<task_id>|<seed_base>|<stream>") as key and the
 * counter (block, 0, 0, 0); uniforms have 53 bits. So a new quantity changes no other one, and no row depends on another.
 *
 * Hosts and regions (sampling, splits): one uniform per purpose, Philox with the host's or region's key and the counter (seed low, seed high, 0, purpose).
 */
import { hash } from 'node:crypto';
import { type PhiloxKey, PhiloxStream, philox4x32 } from '../../../core/rng.ts';

/** First 64 bits of SHA-256 of a text, as Philox takes them: the first four bytes are the high word. */
export function digestKey(text: string): PhiloxKey {
  const digest = hash('sha256', text);
  return [Number.parseInt(digest.slice(8, 16), 16), Number.parseInt(digest.slice(0, 8), 16)];
}

/** The quantities of a row. A stream is named by its quantity, so these words are part of the definition of every draw. */
export type StreamName =
  | 'control'
  | 'src_position'
  | 'src_phi'
  | 'src_mag_r'
  | 'src_reff'
  | 'src_n'
  | 'src_q'
  | 'src_gr'
  | 'src_rz'
  | 'shear'
  | 'lens_shape'
  | 'lens_phi'
  | 'lens_centre'
  | 'template'
  | 'arc_snr_rank';

/** Streams of one row. */
export class TaskDraws {
  readonly #prefix: string;

  constructor(taskId: string, seedBase: number) {
    this.#prefix = `${taskId}|${seedBase}`;
  }

  stream(name: StreamName): PhiloxStream {
    return new PhiloxStream(digestKey(`${this.#prefix}|${name}`));
  }

  /** First 64 bits of SHA-256("<task_id>|<seed_base>"), signed. */
  seed64(): bigint {
    return BigInt.asIntN(64, BigInt(`0x${hash('sha256', this.#prefix).slice(0, 16)}`));
  }
}

/** What a uniform of a host or a region decides: the last word of its counter. */
export const PURPOSE = { split: 1, stratum: 2, sample: 3, config: 4, control: 5 } as const;

const words = new Uint32Array(4);

/** Uniform in [0, 1) with 53 bits of a host or region for one purpose; `seed` is a whole number below 2^53. */
export function keyedUniform(low: number, high: number, seed: number, purpose: number): number {
  philox4x32([seed >>> 0, Math.floor(seed / 2 ** 32), 0, purpose], [low, high], words);
  return ((words[0] >>> 5) * 2 ** 26 + (words[1] >>> 6)) * 2 ** -53;
}
