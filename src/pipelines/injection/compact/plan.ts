/** Which parts go together. */
import { createHash } from 'node:crypto';
import { partName } from '../layout.ts';
import type { InputPart, Inputs } from './inputs.ts';

/** Parts as large as this are read at the speed of the disk or the network; larger ones gain nothing and cost memory of readers. */
export const PART_BYTES: number = 256 * 2 ** 20;

export interface PlannedPart {
  /** Relative to the compacted dataset. */
  readonly key: string;
  readonly split: string;
  readonly inputs: readonly InputPart[];
  readonly rows: number;
  readonly bytes: number;
  /** SHA-256 of the keys, bytes and rows of the inputs, their config and columns: the same inputs, the same part. */
  readonly fingerprint: string;
}

/**
 * Fewer parts per split: as many as there are times 256 MB in it, at least one and at most `most`. Input parts stay whole and in the order of
 * their names, so that the same inputs give the same parts.
 */
export function planParts({ parts, metadata, signature }: Inputs, most: number, partBytes = PART_BYTES): PlannedPart[] {
  const planned: PlannedPart[] = [];
  for (const [split, own] of Map.groupBy(parts, (part) => part.split)) {
    const total = own.reduce((sum, { part }) => sum + part.bytes, 0);
    const count = Math.max(1, Math.min(most, Math.floor(total / partBytes)));
    let before = 0;
    const bundles = Map.groupBy(own, ({ part }) => {
      const middle = before + part.bytes / 2;
      before += part.bytes;
      return Math.min(count - 1, Math.floor((count * middle) / Math.max(1, total)));
    });
    for (const inputs of bundles.values()) {
      const told = [metadata['config_hash'] ?? null, signature, inputs.map(({ part, rows }) => [part.key, part.bytes, rows])];
      planned.push({
        key: partName(split, planned.length),
        split,
        inputs,
        rows: inputs.reduce((sum, { rows }) => sum + rows, 0),
        bytes: inputs.reduce((sum, { part }) => sum + part.bytes, 0),
        fingerprint: createHash('sha256').update(JSON.stringify(told)).digest('hex'),
      });
    }
  }
  return planned;
}
