/** Our schema as Parquet's, and back. Units, shapes and descriptions travel as JSON under one key of the file's metadata. */
import type { KeyValue, SchemaElement, SchemaTree } from 'hyparquet';
import type { ColumnSchema, ScalarType, TableSchema } from '../table.ts';

/** Key of the file metadata: `{"stamp_r": {"dtype": "<f4", "shape": [64, 64], "unit": "nanomaggy"}, ...}`. */
export const COLUMNS_KEY = 'arclet.columns';

const ELEMENTS: Record<ScalarType, Omit<SchemaElement, 'name'>> = {
  bool: { type: 'BOOLEAN' },
  int8: { type: 'INT32', converted_type: 'INT_8' },
  uint8: { type: 'INT32', converted_type: 'UINT_8' },
  int16: { type: 'INT32', converted_type: 'INT_16' },
  uint16: { type: 'INT32', converted_type: 'UINT_16' },
  int32: { type: 'INT32' },
  uint32: { type: 'INT32', converted_type: 'UINT_32' },
  int64: { type: 'INT64' },
  uint64: { type: 'INT64', converted_type: 'UINT_64' },
  float32: { type: 'FLOAT' },
  float64: { type: 'DOUBLE' },
  string: { type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } },
  bytes: { type: 'BYTE_ARRAY' },
  timestamp: {
    type: 'INT64',
    converted_type: 'TIMESTAMP_MICROS',
    logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MICROS' },
  },
  date: { type: 'INT32', converted_type: 'DATE', logical_type: { type: 'DATE' } },
};

/** Elements of one column: one, or the three levels of a list. */
function elementsOf(column: ColumnSchema): SchemaElement[] {
  const { name } = column;
  if (column.type === 'stamp' && column.storage === 'list') {
    return [
      { name, repetition_type: 'REQUIRED', num_children: 1, converted_type: 'LIST', logical_type: { type: 'LIST' } },
      { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
      { name: 'element', repetition_type: 'REQUIRED', type: 'FLOAT' },
    ];
  }
  const element = ELEMENTS[column.type === 'stamp' || column.type === 'list' ? 'bytes' : column.type];
  return [{ ...element, name, repetition_type: column.type !== 'stamp' && column.nullable ? 'OPTIONAL' : 'REQUIRED' }];
}

export function toParquetSchema(schema: TableSchema): SchemaElement[] {
  return [{ name: 'root', num_children: schema.columns.length }, ...schema.columns.flatMap(elementsOf)];
}

/** The file's key-value metadata: the schema's own, and what Parquet has no place for. */
export function toKeyValues(schema: TableSchema): KeyValue[] {
  const notes = schema.columns.flatMap((column) => {
    const { name, unit, description } = column;
    const stamp = column.type === 'stamp' ? { dtype: '<f4', shape: column.shape } : {};
    const note = { ...stamp, ...(unit !== undefined && { unit }), ...(description !== undefined && { description }) };
    return Object.keys(note).length > 0 ? [[name, note] as const] : [];
  });
  const own = Object.entries(schema.metadata ?? {}).map(([key, value]) => ({ key, value }));
  return notes.length === 0 ? own : [...own, { key: COLUMNS_KEY, value: JSON.stringify(Object.fromEntries(notes)) }];
}

interface Note {
  dtype?: unknown;
  shape?: unknown;
  unit?: unknown;
  description?: unknown;
}

/** Notes of our own files. What is not as we write it is no note: a foreign file may use the key for something else. */
export function notesIn(keyValues: readonly KeyValue[]): Map<string, Note> {
  try {
    const parsed: unknown = JSON.parse(keyValues.find(({ key }) => key === COLUMNS_KEY)?.value ?? '{}');
    if (typeof parsed !== 'object' || parsed === null) return new Map();
    return new Map(Object.entries(parsed).filter(([, note]) => typeof note === 'object' && note !== null));
  } catch {
    return new Map();
  }
}

const INTEGERS: Record<string, ScalarType> = {
  INT_8: 'int8',
  UINT_8: 'uint8',
  INT_16: 'int16',
  UINT_16: 'uint16',
  UINT_32: 'uint32',
  UINT_64: 'uint64',
};

/** What a leaf's values are given as; undefined for what is not read. */
export function scalarTypeOf(element: SchemaElement): ScalarType | undefined {
  const { type, converted_type: converted, logical_type: logical } = element;
  if (converted === 'DECIMAL' || logical?.type === 'DECIMAL') return type === 'INT96' ? undefined : 'float64';
  if (type === 'INT32' || type === 'INT64') {
    if (converted === 'DATE' || logical?.type === 'DATE') return 'date';
    if (converted?.startsWith('TIMESTAMP') || logical?.type === 'TIMESTAMP') return 'timestamp';
    if (logical?.type === 'INTEGER') return `${logical.isSigned ? '' : 'u'}int${logical.bitWidth}` as ScalarType;
    return INTEGERS[converted ?? ''] ?? (type === 'INT32' ? 'int32' : 'int64');
  }
  if (type === 'BYTE_ARRAY') {
    const isText = ['UTF8', 'ENUM', 'JSON'].includes(converted ?? '') || ['STRING', 'ENUM', 'JSON'].includes(logical?.type ?? '');
    return isText ? 'string' : 'bytes';
  }
  if (type === 'FIXED_LEN_BYTE_ARRAY') return logical?.type === 'FLOAT16' ? 'float32' : 'bytes';
  return ({ BOOLEAN: 'bool', INT96: 'timestamp', FLOAT: 'float32', DOUBLE: 'float64' } as const)[type as 'BOOLEAN'];
}

/** A column as it is read: its schema and the path from the root to its leaf. */
export interface LeafColumn {
  readonly column: ColumnSchema;
  readonly path: readonly SchemaTree[];
  /** Position among the leaves, which is that of its chunk in every row group. */
  readonly leaf: number;
}

/** Columns of a file: those that are read, and the names of those that are not (maps, structs, lists of lists). */
export function fromParquetSchema(root: SchemaTree, notes: Map<string, Note>): { leaves: LeafColumn[]; unread: string[] } {
  const leaves: LeafColumn[] = [];
  const unread: string[] = [];
  let leaf = 0;
  for (const child of root.children) {
    const path = [child];
    while (path[path.length - 1].children.length === 1) path.push(path[path.length - 1].children[0]);
    const column = columnOf(path, notes.get(child.element.name) ?? {});
    if (column === undefined) unread.push(child.element.name);
    else leaves.push({ column, path, leaf });
    leaf += countLeaves(child);
  }
  return { leaves, unread };
}

function countLeaves(tree: SchemaTree): number {
  return tree.children.length === 0 ? 1 : tree.children.reduce((sum, child) => sum + countLeaves(child), 0);
}

function columnOf(path: readonly SchemaTree[], note: Note): ColumnSchema | undefined {
  const { element } = path[path.length - 1];
  const type = path[path.length - 1].children.length === 0 ? scalarTypeOf(element) : undefined;
  const repeated = path.filter((node) => node.element.repetition_type === 'REPEATED').length;
  // A plain column, or a list of two or three levels.
  if (type === undefined || repeated > 1 || path.length > (repeated === 0 ? 1 : 3)) return undefined;
  const named = {
    name: path[0].element.name,
    ...(typeof note.unit === 'string' && { unit: note.unit }),
    ...(typeof note.description === 'string' && { description: note.description }),
  };
  const { shape } = note;
  const hasShape = Array.isArray(shape) && shape.every((size) => Number.isSafeInteger(size) && size > 0 && size < 2 ** 31);
  if (hasShape && note.dtype === '<f4' && (repeated === 1 ? type === 'float32' : type === 'bytes')) {
    return { ...named, type: 'stamp', shape: [...shape], storage: repeated === 1 ? 'list' : 'bytes' };
  }
  const nullable = path[0].element.repetition_type === 'OPTIONAL';
  return repeated === 1 ? { ...named, type: 'list', item: type, nullable } : { ...named, type, nullable };
}
