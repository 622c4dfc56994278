/** The rows of one batch of metrics by column, in the forms that checks read: numbers with NaN for nothing, and what is missing. */
import type { ColumnValues, TableBatch } from '../../../io/table.ts';

/** A subject of checks: reads every batch once, then says what it found. */
export interface Examiner {
  read(rows: Rows): void;
}

export class Rows {
  readonly count: number;
  /** What the folders of the part say, such as region_split. */
  readonly partitions: Readonly<Record<string, string>>;
  readonly #columns: Readonly<Record<string, ColumnValues>>;
  readonly #numbers = new Map<string, Float64Array>();

  constructor(batch: TableBatch, partitions: Readonly<Record<string, string>>) {
    this.count = batch.rows;
    this.partitions = partitions;
    this.#columns = batch.columns;
  }

  has(name: string): boolean {
    return this.#columns[name] !== undefined;
  }

  /** Numbers of a column; NaN where there is no value, and everywhere when there is no such column. Not to be changed. */
  numbers(name: string): Float64Array {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    const values = this.#columns[name];
    const numbers =
      values instanceof Float64Array
        ? values
        : values === undefined
          ? new Float64Array(this.count).fill(Number.NaN)
          : Float64Array.from(values as ArrayLike<number | bigint | null>, (value) =>
              value === null ? Number.NaN : Number(value),
            );
    this.#numbers.set(name, numbers);
    return numbers;
  }

  /** The value as it stands in the table; null where there is none. */
  value(name: string, row: number): string | number | bigint | null {
    return (this.#columns[name]?.[row] ?? null) as string | number | bigint | null;
  }

  /** A column of text, by row; of a partition where the file has no such column. */
  text(name: string): (row: number) => string {
    const values = this.#columns[name];
    const fallback = this.partitions[name] ?? '';
    return values === undefined ? () => fallback : (row) => (values[row] as string | null) ?? '';
  }

  /** Rows whose value is null (a NaN is a value); all when there is no such column. */
  nulls(name: string): number {
    const values = this.#columns[name];
    if (values === undefined) return this.count;
    if (ArrayBuffer.isView(values)) return 0;
    let held = 0;
    for (const value of values as readonly unknown[]) if (value === null) held++;
    return held;
  }

  /** Random but fixed numbers of the rows in [0, 1), from task_seed64: they choose samples. */
  keys(): Float64Array {
    const seeds = this.#columns['task_seed64'];
    const keys = new Float64Array(this.count);
    if (!(seeds instanceof BigInt64Array)) {
      return keys.map((_, row) => Number(BigInt.asUintN(64, BigInt(this.value('task_seed64', row) ?? row)) >> 11n) / 2 ** 53);
    }
    const words = new Uint32Array(seeds.buffer, seeds.byteOffset, 2 * this.count);
    return keys.map((_, row) => (words[2 * row + 1] * 2 ** 21 + (words[2 * row] >>> 11)) / 2 ** 53);
  }
}
