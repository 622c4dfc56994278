/** Is every task of the manifest there once, and in its split: rows lost, doubled, misplaced and of unknown origin, counted exactly. */
import { isArcletError } from '../../../core/errors.ts';
import type { Dataset, DatasetPart } from '../../dataset.ts';
import { SPLITS, type Split } from '../manifest/hosts.ts';
import { openManifest } from '../manifest/read.ts';
import { type Check, count, decide, increment, listCounts, none, type Rule, skip } from './checks.ts';
import type { Expected } from './context.ts';
import { KeySet, taskKey } from './task-set.ts';

/** Tasks of one pass: the set then holds 2^26 slots of 10 bytes. */
const TASKS_A_PASS = 2 ** 25;
const SEEN_IN_METRICS = 1;
const SEEN_IN_MANIFEST = 2;
/** Flags of the split whose folder holds a task: one bit each. */
const splitFlag = (split: string | null | undefined): number => 4 << (SPLITS.indexOf(split as Split) + 1);
const splitOfFlags = (flags: number): string => SPLITS.find((split) => (flags & splitFlag(split)) !== 0) ?? 'another';
/** Its folder was found wrong by what the part says; it is not counted again. */
const KNOWN_AS_MISPLACED = 64;

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

const FOLDERS: Rule = {
  name: 'split-folders',
  threshold: '0 rows in the folder of another split than the manifest, the metadata of the part or a column says',
  why: 'Readers take the split from the folder: a part in the wrong one puts hosts of the training set into the test.',
};

interface Found {
  /** Rows in the folder of another split, by folder. */
  readonly misplaced: Map<string, number>;
  readonly lostBySplit: Map<string, number>;
  doubled: number;
  lost: number;
  unknown: number;
  manifestRows: number;
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
  const found: Found = {
    doubled: 0,
    lost: 0,
    unknown: 0,
    manifestRows: 0,
    misplaced: new Map(),
    lostBySplit: new Map(),
    examples: [],
  };
  try {
    for (let pass = 0; pass < passes; pass++) {
      await onePass(dataset, parts, manifest.dataset, { pass, passes, rows }, found);
    }
  } finally {
    await manifest.dataset?.close();
  }
  const unique = none(
    UNIQUE,
    found.doubled,
    found.examples.length > 0 ? `Such as ${found.examples.join(', ')}.` : `${count(rows)} rows.`,
  );
  const misplaced = [...found.misplaced.values()].reduce((sum, held) => sum + held, 0);
  const against = manifest.dataset === undefined ? 'what each part says of itself' : 'the manifest';
  const folders = none(
    FOLDERS,
    misplaced,
    misplaced > 0 ? `By folder: ${listCounts(found.misplaced)}.` : `Compared with ${against}.`,
  );
  if (manifest.dataset === undefined) return [unique, folders, skip(COMPLETE, manifest.reason)];
  const { testLimit } = expected.config;
  // A run of the first rows leaves the others of a whole manifest out; which they are does not matter.
  const leftOut = testLimit > 0 ? Math.min(found.lost, Math.max(0, found.manifestRows - testLimit)) : 0;
  const lost = found.lost - leftOut;
  const wrong = lost + found.unknown;
  const bySplit = lost > 0 && leftOut === 0 ? ` (${listCounts(found.lostBySplit)})` : '';
  const limited = leftOut > 0 ? `; test_limit leaves ${count(leftOut)} out` : '';
  const detail = `The manifest has ${count(found.manifestRows)} rows, the metrics ${count(rows)}; lost ${count(lost)}${bySplit}, unknown ${count(found.unknown)}${limited}.`;
  return [unique, folders, decide(COMPLETE, wrong === 0 ? 'go' : 'no-go', wrong, detail)];
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
}

async function onePass(
  dataset: Dataset,
  parts: readonly DatasetPart[],
  manifest: Dataset | undefined,
  { pass, passes, rows }: Pass,
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
      const wanted = ['task_id', 'region_split'].filter((column) => table.schema.columns.some(({ name }) => name === column));
      if (!wanted.includes('task_id')) return;
      const folder = part.partitions['region_split'];
      const said = table.schema.metadata?.['region_split'];
      for await (const { columns } of table.batches(wanted)) {
        const ids = columns['task_id'] as readonly (string | null)[];
        const splits = columns['region_split'] as readonly (string | null)[] | undefined;
        for (let row = 0; row < ids.length; row++) {
          const id = ids[row];
          if (id === null || !isMine(id)) continue;
          const own = splits?.[row] ?? said;
          const isMisplaced = folder !== undefined && own !== undefined && own !== folder;
          if (isMisplaced) increment(found.misplaced, folder);
          const flags = SEEN_IN_METRICS | (isMisplaced ? KNOWN_AS_MISPLACED : splitFlag(folder ?? own));
          if (set.add(key[0], key[1], flags) === -1) continue;
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
    manifestRows += held;
    for (let row = 0; row < held; row++) {
      if (!isMine(ids[row])) continue;
      const before = set.flags(key[0], key[1]);
      if (before === -1) {
        found.lost++;
        increment(found.lostBySplit, splits?.[row] ?? '');
      } else if ((before & SEEN_IN_MANIFEST) === 0) {
        set.add(key[0], key[1], SEEN_IN_MANIFEST);
        known++;
        const isElsewhere = splits !== undefined && (before & (KNOWN_AS_MISPLACED | splitFlag(splits[row]))) === 0;
        if (isElsewhere) increment(found.misplaced, splitOfFlags(before));
      }
    }
  }
  found.manifestRows = manifestRows;
  found.unknown += set.size - known;
}
