/** Is every task of the manifest there once: rows lost, doubled and of unknown origin, counted exactly. */
import { isArcletError } from '../../../core/errors.ts';
import type { Dataset, DatasetPart } from '../../dataset.ts';
import { openManifest } from '../manifest/read.ts';
import { type Check, count, decide, increment, listCounts, none, type Rule, skip } from './checks.ts';
import type { Expected } from './context.ts';
import { KeySet, taskKey } from './task-set.ts';

/** Tasks of one pass: the set then holds 2^26 slots of 10 bytes. */
const TASKS_A_PASS = 2 ** 25;
const SEEN_IN_METRICS = 1;
const SEEN_IN_MANIFEST = 2;

const UNIQUE: Rule = {
  name: 'task-id-unique',
  threshold: '0 rows whose task_id stands twice',
  why: 'A task is one row; a second one was written by a rerun or a shard that overlaps another, and counts the same stamp twice.',
};
const COMPLETE: Rule = {
  name: 'complete',
  threshold: '0 rows lost, 0 rows that the manifest does not know',
  why: 'A row that fails stays as a row with its reason, so the manifest and the metrics hold the same tasks.',
};

interface Found {
  doubled: number;
  lost: number;
  unknown: number;
  manifestRows: number;
  readonly lostBySplit: Map<string, number>;
  readonly examples: string[];
}

/**
 * Compares task ids, 64 bits of each: two of 10^7 random ids are equal in 64 bits with a chance of 3e-6. Memory is bounded by taking as many passes over
 * the ids as 2^25 tasks a pass need.
 */
export async function examineTasks(
  dataset: Dataset,
  parts: readonly DatasetPart[],
  rows: number,
  expected: Expected,
): Promise<Check[]> {
  const manifest = await manifestOf(expected);
  const passes = Math.max(1, Math.ceil(rows / TASKS_A_PASS));
  const found: Found = { doubled: 0, lost: 0, unknown: 0, manifestRows: 0, lostBySplit: new Map(), examples: [] };
  try {
    for (let pass = 0; pass < passes; pass++) {
      await onePass(dataset, parts, manifest.dataset, { pass, passes, rows, testLimit: expected.config.testLimit }, found);
    }
  } finally {
    await manifest.dataset?.close();
  }
  const unique = none(
    UNIQUE,
    found.doubled,
    found.examples.length > 0 ? `Such as ${found.examples.join(', ')}.` : `${count(rows)} rows.`,
  );
  if (manifest.dataset === undefined) return [unique, skip(COMPLETE, manifest.reason)];
  const wrong = found.lost + found.unknown;
  const detail = `The manifest has ${count(found.manifestRows)} rows, the metrics ${count(rows)}; lost ${count(found.lost)}${
    found.lost > 0 ? ` (${listCounts(found.lostBySplit)})` : ''
  }, unknown ${count(found.unknown)}.`;
  return [unique, decide(COMPLETE, wrong === 0 ? 'go' : 'no-go', wrong, detail)];
}

async function manifestOf({ config, experimentId }: Expected): Promise<{ dataset?: Dataset; reason: string }> {
  try {
    const manifest = await openManifest({ ...config, experimentId });
    return { dataset: await manifest.dataset(experimentId), reason: '' };
  } catch (error) {
    if (!isArcletError(error)) throw error;
    return { reason: `The manifest cannot be compared: ${error.message}` };
  }
}

interface Pass {
  readonly pass: number;
  readonly passes: number;
  readonly rows: number;
  /** Rows of the manifest that were asked for; 0 for all. */
  readonly testLimit: number;
}

async function onePass(
  dataset: Dataset,
  parts: readonly DatasetPart[],
  manifest: Dataset | undefined,
  { pass, passes, rows, testLimit }: Pass,
  found: Found,
): Promise<void> {
  const set = new KeySet(Math.min(rows, TASKS_A_PASS));
  const key = new Uint32Array(2);
  const isMine = (id: string) => {
    taskKey(id, key);
    return key[1] % passes === pass;
  };
  for (const part of parts) {
    await dataset.withPart(part, async (table) => {
      if (!table.schema.columns.some(({ name }) => name === 'task_id')) return;
      for await (const { columns } of table.batches(['task_id'])) {
        for (const id of columns['task_id'] as readonly (string | null)[]) {
          if (id === null || !isMine(id)) continue;
          if (set.add(key[0], key[1], SEEN_IN_METRICS) === -1) continue;
          found.doubled++;
          if (found.examples.length < 3) found.examples.push(`${id.slice(0, 16)} in ${part.key}`);
        }
      }
    });
  }
  if (manifest === undefined) return;
  let manifestRows = 0;
  let known = 0;
  for await (const { columns, rows: held } of manifest.batches(['task_id', 'region_split'], { lenient: true })) {
    const ids = columns['task_id'] as readonly string[];
    const splits = columns['region_split'] as readonly string[] | undefined;
    const wanted = testLimit > 0 ? Math.min(held, testLimit - manifestRows) : held;
    manifestRows += wanted;
    for (let row = 0; row < wanted; row++) {
      if (!isMine(ids[row])) continue;
      const before = set.flags(key[0], key[1]);
      if (before === -1) {
        found.lost++;
        increment(found.lostBySplit, splits?.[row] ?? '');
      } else if ((before & SEEN_IN_MANIFEST) === 0) {
        set.add(key[0], key[1], SEEN_IN_MANIFEST);
        known++;
      }
    }
    if (testLimit > 0 && manifestRows >= testLimit) break;
  }
  found.manifestRows = manifestRows;
  found.unknown += set.size - known;
}
