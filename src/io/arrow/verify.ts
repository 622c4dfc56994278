/**
 * Checks Arrow's flatbuffers before they are decoded. The decoder believes every count and follows every offset: four changed bytes
 * make it build two billion fields. Layouts: apache/arrow format/{Message,Schema,File}.fbs.
 */

/** A walk over one flatbuffer. A table or an element takes at least four bytes, so more of them than a quarter of the bytes is a lie. */
class Walk {
  readonly #view: DataView;
  #budget: number;

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#budget = bytes.byteLength;
  }

  root(): number {
    return this.#view.getUint32(0, true);
  }

  /** Where field `index` of the table at `table` stands; undefined where it is absent. */
  field(table: number, index: number): number | undefined {
    const vtable = table - this.#view.getInt32(table, true);
    const at = 4 + 2 * index;
    const offset = at < this.#view.getUint16(vtable, true) ? this.#view.getUint16(vtable + at, true) : 0;
    return offset === 0 ? undefined : table + offset;
  }

  byte(table: number, index: number): number {
    const at = this.field(table, index);
    return at === undefined ? 0 : this.#view.getUint8(at);
  }

  /** Visits a table that a field points to. */
  table(table: number, index: number, visit: (child: number) => void): void {
    const at = this.field(table, index);
    if (at === undefined) return;
    this.#spend(1);
    visit(at + this.#view.getUint32(at, true));
  }

  /** Visits the tables of a vector. */
  tables(table: number, index: number, visit: (child: number) => void): void {
    this.#vector(table, index, 4, (at) => visit(at + this.#view.getUint32(at, true)));
  }

  /** Checks a vector of scalars or structs, or a string (`width` 1). */
  scalars(table: number, index: number, width: number): void {
    this.#vector(table, index, width);
  }

  #vector(table: number, index: number, width: number, visit?: (at: number) => void): void {
    const field = this.field(table, index);
    if (field === undefined) return;
    const start = field + this.#view.getUint32(field, true);
    const count = this.#view.getUint32(start, true);
    if (start + 4 + count * width > this.#view.byteLength)
      throw new Error(`its metadata declare ${count} items that are not there`);
    if (visit === undefined) return;
    this.#spend(count);
    for (let item = 0; item < count; item++) visit(start + 4 + width * item);
  }

  /** Tables may point back to themselves: a walk that takes more steps than there are bytes goes in circles. */
  #spend(steps: number): void {
    this.#budget -= steps;
    if (this.#budget < 0) throw new Error('its metadata go in circles');
  }
}

const SCHEMA = 1;
const DICTIONARY_BATCH = 2;
const RECORD_BATCH = 3;

const TIMESTAMP = 10;
const UNION = 14;

function keyValues(walk: Walk, table: number, index: number): void {
  walk.tables(table, index, (entry) => {
    walk.scalars(entry, 0, 1);
    walk.scalars(entry, 1, 1);
  });
}

function field(walk: Walk, table: number): void {
  walk.scalars(table, 0, 1);
  const type = walk.byte(table, 2);
  walk.table(table, 3, (child) => {
    if (type === TIMESTAMP) walk.scalars(child, 1, 1);
    if (type === UNION) walk.scalars(child, 1, 4);
  });
  walk.table(table, 4, (dictionary) => walk.table(dictionary, 1, () => {}));
  walk.tables(table, 5, (child) => field(walk, child));
  keyValues(walk, table, 6);
}

function schema(walk: Walk, table: number): void {
  walk.tables(table, 1, (child) => field(walk, child));
  keyValues(walk, table, 2);
  walk.scalars(table, 3, 8);
}

function recordBatch(walk: Walk, table: number): void {
  walk.scalars(table, 1, 16);
  walk.scalars(table, 2, 16);
  walk.table(table, 3, () => {});
  walk.scalars(table, 4, 8);
}

/** Throws an Error unless every count and offset of a Message lies within its bytes. */
export function verifyMessage(bytes: Uint8Array): void {
  const walk = new Walk(bytes);
  const message = walk.root();
  const kind = walk.byte(message, 1);
  if (kind !== SCHEMA && kind !== DICTIONARY_BATCH && kind !== RECORD_BATCH)
    throw new Error(`it has a message of the unknown kind ${kind}`);
  walk.table(message, 2, (header) => {
    if (kind === SCHEMA) schema(walk, header);
    else if (kind === RECORD_BATCH) recordBatch(walk, header);
    else walk.table(header, 1, (data) => recordBatch(walk, data));
  });
  keyValues(walk, message, 4);
}

/** The same for the Footer of a file. */
export function verifyFooter(bytes: Uint8Array): void {
  const walk = new Walk(bytes);
  const footer = walk.root();
  walk.table(footer, 1, (table) => schema(walk, table));
  walk.scalars(footer, 2, 24);
  walk.scalars(footer, 3, 24);
  keyValues(walk, footer, 4);
}
