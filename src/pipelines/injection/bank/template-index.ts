/** Which template a row gets: a hash of its id, so that neither order, batch nor shard matters. Both hashes of the originals, by name. */
import { createHash } from 'node:crypto';
import { blake2b } from '../../../core/blake2b.ts';
import { ArcletError } from '../../../core/errors.ts';

export type TemplateHash = 'blake2b' | 'sha256';

const encoder = new TextEncoder();

/**
 * Index from 0 to `count` - 1 of the template of a row.
 *
 * - `blake2b` (the originals' code): the 8-byte BLAKE2b digest of task_id + salt, little endian, modulo `count`
 * - `sha256` (the originals' text): the first 16 hex digits of SHA-256(task_id + salt) as one number, modulo `count`
 *
 * The two differ. Throws BANK_EMPTY for a count below 1.
 */
export function templateIndex(taskId: string, salt: string, count: number, hash: TemplateHash): number {
  if (!(Number.isSafeInteger(count) && count >= 1)) {
    throw new ArcletError('BANK_EMPTY', `A template of task ${taskId} is asked for from a bank of ${count}.`, {
      subject: taskId,
      remedy: 'Name a bank with templates.',
    });
  }
  const message = encoder.encode(taskId + salt);
  if (hash === 'sha256') return Number(createHash('sha256').update(message).digest().readBigUInt64BE(0) % BigInt(count));
  const digest = blake2b(message, 8);
  return Number(new DataView(digest.buffer, digest.byteOffset).getBigUint64(0, true) % BigInt(count));
}
