/**
 * One description of a struct gives its WGSL text, its offsets and its packer; no offset is written by hand.
 */

export type FieldType = 'f32' | 'u32' | 'i32';

export interface StructField {
  readonly name: string;
  readonly type: FieldType;
  /** Byte offset. */
  readonly offset: number;
}

export interface StructLayout {
  readonly name: string;
  readonly fields: readonly StructField[];
  /** Size of one struct in an array, bytes (the array stride). */
  readonly byteSize: number;
  /** `struct Name { field: f32, ... }` */
  readonly wgsl: string;
}

const WGSL_NAME = /^[a-zA-Z][a-zA-Z0-9_]*$/;

/** Describes a struct of 4-byte scalars, in order. Scalars only: then WGSL, C and the packer agree without padding rules. */
export function struct(name: string, fields: Readonly<Record<string, FieldType>>): StructLayout {
  const entries = Object.entries(fields).map(([field, type], index) => {
    if (!WGSL_NAME.test(field)) throw new RangeError(`struct ${name}: '${field}' is not a WGSL identifier`);
    return { name: field, type, offset: 4 * index };
  });
  const body = entries.map((field) => `  ${field.name}: ${field.type},`).join('\n');
  return { name, fields: entries, byteSize: 4 * entries.length, wgsl: `struct ${name} {\n${body}\n}` };
}

/**
 * Packs items `start .. start+count` of the columns into `out`, column by column.
 * Throws a RangeError when a column is missing or too short.
 */
export function packColumns(
  layout: StructLayout,
  columns: Readonly<Record<string, ArrayLike<number>>>,
  out: ArrayBuffer,
  start: number,
  count: number,
  byteOffset = 0,
): void {
  const stride = layout.byteSize / 4;
  const views = {
    f32: new Float32Array(out, byteOffset, count * stride),
    u32: new Uint32Array(out, byteOffset, count * stride),
    i32: new Int32Array(out, byteOffset, count * stride),
  };
  for (const field of layout.fields) {
    const column = columns[field.name];
    if (column === undefined) throw new RangeError(`struct ${layout.name}: no column '${field.name}'`);
    if (column.length < start + count) {
      throw new RangeError(`struct ${layout.name}: column '${field.name}' has ${column.length} items, needs ${start + count}`);
    }
    const view = views[field.type];
    for (let item = 0, at = field.offset / 4; item < count; item++, at += stride) view[at] = column[start + item];
  }
}
