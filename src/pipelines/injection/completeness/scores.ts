/** Scores of a detector: a table joined by task_id, and the threshold that a false-positive rate on controls sets. */
import { ArcletError } from '../../../core/errors.ts';
import type { TableBatch } from '../../../io/table.ts';
import { chooseColumns, withTable } from '../../files/tables.ts';
import { hashText } from '../compact/task-hash.ts';
import { numbersOf } from './facts.ts';

/** 50 million scores are 1.1 GB of hashes and values. */
const MOST_SCORES = 50_000_000;

/** Scores by the 64-bit hash of their task: 16 bytes a slot, at most three quarters of them filled. */
export class ScoreTable {
  readonly #hash = new Uint32Array(2);
  #words = new Uint32Array(2 * 1024);
  #scores = new Float64Array(1024);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The score of a task; NaN when there is none. */
  get(taskId: string): number {
    hashText(taskId, this.#hash);
    const slot = this.#slotOf(this.#hash[0], this.#hash[1]);
    return this.#isFree(slot) ? Number.NaN : this.#scores[slot];
  }

  /** Throws INPUT_INVALID when the task has another score already, or there are more than 5e7. */
  set(taskId: string, score: number): void {
    hashText(taskId, this.#hash);
    const [low, high] = this.#hash;
    let slot = this.#slotOf(low, high);
    if (!this.#isFree(slot)) {
      if (Object.is(this.#scores[slot], score)) return;
      throw new ArcletError('INPUT_INVALID', `Task ${taskId} has two scores, ${this.#scores[slot]} and ${score}.`, {
        subject: taskId,
        remedy: 'Leave one score per task in the table.',
      });
    }
    if (this.#size === MOST_SCORES) {
      throw new ArcletError('INPUT_INVALID', `The table of scores has more than ${MOST_SCORES} rows.`, {
        subject: 'score_table',
        remedy: 'Add the scores to the metrics as a column, or give only those of one experiment.',
      });
    }
    if (4 * (this.#size + 1) > 3 * this.#scores.length) {
      this.#grow();
      slot = this.#slotOf(low, high);
    }
    this.#put(slot, low, high, score);
    this.#size++;
  }

  #put(slot: number, low: number, high: number, score: number): void {
    this.#words[2 * slot] = low;
    // Two words of 0 mark a free slot, so the hash 0 is kept as 1.
    this.#words[2 * slot + 1] = low === 0 && high === 0 ? 1 : high;
    this.#scores[slot] = score;
  }

  #isFree(slot: number): boolean {
    return this.#words[2 * slot] === 0 && this.#words[2 * slot + 1] === 0;
  }

  /** The slot that holds this hash, or the free one where it would go. */
  #slotOf(low: number, high: number): number {
    const stored = low === 0 && high === 0 ? 1 : high;
    const mask = this.#scores.length - 1;
    let slot = low & mask;
    while (!this.#isFree(slot) && (this.#words[2 * slot] !== low || this.#words[2 * slot + 1] !== stored))
      slot = (slot + 1) & mask;
    return slot;
  }

  #grow(): void {
    const [words, scores] = [this.#words, this.#scores];
    this.#words = new Uint32Array(2 * words.length);
    this.#scores = new Float64Array(2 * scores.length);
    for (let slot = 0; slot < scores.length; slot++) {
      const [low, high] = [words[2 * slot], words[2 * slot + 1]];
      if (low !== 0 || high !== 0) this.#put(this.#slotOf(low, high), low, high, scores[slot]);
    }
  }
}

/**
 * Reads task_id and the scores of a table (Parquet, Arrow, CSV, FITS).
 *
 * @throws INPUT_UNREADABLE; INPUT_INVALID when a column is missing or a task has two scores
 */
export function readScores(location: string, column: string): Promise<ScoreTable> {
  return withTable(location, undefined, async (table) => {
    const { columns } = chooseColumns(location, table.schema, ['task_id', column]);
    const [taskName, scoreName] = columns.map(({ name }) => name);
    const scores = new ScoreTable();
    for await (const batch of table.batches([taskName, scoreName])) addScores(scores, batch, taskName, scoreName);
    return scores;
  });
}

function addScores(scores: ScoreTable, batch: TableBatch, taskName: string, scoreName: string): void {
  const tasks = batch.columns[taskName];
  const values = numbersOf(batch, scoreName);
  for (let row = 0; row < batch.rows; row++) {
    const task = tasks[row];
    if (typeof task === 'string') scores.set(task, values[row]);
  }
}

/** Below so many controls above a threshold the rate is known to a third at best (sqrt(10) / 10). */
export const FEWEST_ABOVE = 10;

export interface ScoreThreshold {
  readonly threshold: number;
  /** Scored controls. */
  readonly negatives: number;
  /** The threshold is the score of this rank among them, from the highest. */
  readonly rank: number;
  /** Share of the controls at or above the threshold: ties with it make it larger than rank / negatives. */
  readonly achieved: number;
  /** Controls that the rate asks for: rate x negatives. */
  readonly expected: number;
}

/**
 * The k-th highest score of the controls, k = ceil(rate x controls) and at least 1. A score equal to the threshold is a detection.
 *
 * @param scores of controls, finite; sorted in place
 * @throws INPUT_INVALID when there are none
 */
export function thresholdAt(scores: Float64Array, rate: number): ScoreThreshold {
  const negatives = scores.length;
  if (negatives === 0) {
    throw new ArcletError('INPUT_INVALID', 'No control has a score, so that no threshold can be set.', {
      subject: 'score_fpr',
      remedy: 'Score the controls too, or make some (control_frac_grid, control_frac_train).',
    });
  }
  scores.sort();
  // 0.07 x 100 is 7.000000000000001, and one rank more would be wrong.
  const rank = Math.min(negatives, Math.max(1, Math.ceil(rate * negatives - 1e-9)));
  const threshold = scores[negatives - rank];
  let first = negatives - rank;
  while (first > 0 && scores[first - 1] === threshold) first--;
  return { threshold, negatives, rank, achieved: (negatives - first) / negatives, expected: rate * negatives };
}
