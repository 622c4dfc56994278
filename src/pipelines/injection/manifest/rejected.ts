/** Targets and rows that are left out: counted and listed by reason, never dropped in silence. */
import type { TableBatch, TableSchema } from '../../../io/table.ts';
import { Growing, growingFloats, Names } from './grow.ts';

/** Why a target, or a planned row of it, is not in the manifest. */
export type Reason =
  | 'brickname_missing'
  | 'brickname_malformed'
  | 'ra_missing'
  | 'ra_out_of_range'
  | 'dec_missing'
  | 'dec_out_of_range'
  | 'r_missing'
  | 'region_missing'
  | 'split_unknown'
  | 'duplicate_target'
  | 'no_selection_set'
  | 'near_known_lens'
  | 'near_other_split'
  | 'no_area_for_placement'
  | 'task_id_missing'
  | 'theta_e_invalid';

export const REJECTED_SCHEMA: TableSchema = {
  columns: [
    { name: 'row', type: 'int64', description: 'row of the targets, from 0' },
    { name: 'brickname', type: 'string', nullable: true },
    { name: 'ra', type: 'float64', nullable: true, unit: 'deg' },
    { name: 'dec', type: 'float64', nullable: true, unit: 'deg' },
    { name: 'reason', type: 'string' },
    { name: 'detail', type: 'string', nullable: true, description: 'the row of the manifest, where a planned row was left out' },
  ],
};

const BY_DESIGN: ReadonlySet<string> = new Set<Reason>(['no_selection_set', 'near_known_lens', 'near_other_split']);

const BATCH_ROWS = 2 ** 16;

export class Rejected {
  readonly #rows = growingFloats();
  readonly #ra = growingFloats();
  readonly #dec = growingFloats();
  readonly #brick = new Growing(new Uint32Array(0));
  readonly #reason = new Growing(new Uint8Array(0));
  readonly #bricks = new Names();
  readonly #reasons = new Names();
  readonly #details = new Map<number, string>();
  readonly #counts = new Map<Reason, number>();

  add(row: number, brickname: string, ra: number, dec: number, reason: Reason, detail?: string): void {
    if (detail !== undefined) this.#details.set(this.#rows.length, detail);
    this.#rows.push(row);
    this.#ra.push(ra);
    this.#dec.push(dec);
    this.#brick.push(this.#bricks.number(brickname));
    this.#reason.push(this.#reasons.number(reason));
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + 1);
  }

  get count(): number {
    return this.#rows.length;
  }

  /** Rows left out by reason. */
  get counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }

  /** The first rows that are faulty, for the list of failures of a run; what the config asked to leave out is none. */
  sentences(most: number): { subject: string; reason: string }[] {
    const found: { subject: string; reason: string }[] = [];
    for (let index = 0; index < this.count && found.length < most; index++) {
      const reason = this.#reasons.list[this.#reason.values()[index]];
      if (!BY_DESIGN.has(reason)) found.push({ subject: `row ${this.#rows.values()[index]} of the targets`, reason });
    }
    return found;
  }

  *batches(): Generator<TableBatch> {
    for (let start = 0; start < this.count; start += BATCH_ROWS) {
      const rows = Math.min(BATCH_ROWS, this.count - start);
      const take = <T>(value: (at: number) => T): T[] => Array.from({ length: rows }, (_, index) => value(start + index));
      const known = (value: number) => (Number.isNaN(value) ? null : value);
      yield {
        rows,
        columns: {
          row: take((at) => BigInt(this.#rows.values()[at])),
          brickname: take((at) => this.#bricks.list[this.#brick.values()[at]] || null),
          ra: take((at) => known(this.#ra.values()[at])),
          dec: take((at) => known(this.#dec.values()[at])),
          reason: take((at) => this.#reasons.list[this.#reason.values()[at]]),
          detail: take((at) => this.#details.get(at) ?? null),
        },
      };
    }
  }
}
