/** Our schema as Arrow's, and back. Unit, description and shape are metadata of the field. */
import {
  Binary,
  Bool,
  DataType,
  DateDay,
  Field,
  FixedSizeList,
  Float32,
  Float64,
  Int8,
  Int16,
  Int32,
  Int64,
  Precision,
  Schema,
  TimestampMicrosecond,
  Uint8,
  Uint16,
  Uint32,
  Uint64,
  Utf8,
} from 'apache-arrow';
import { type ColumnSchema, type ScalarType, stampLength, type TableSchema } from '../table.ts';

const MAKE: Record<ScalarType, () => DataType> = {
  bool: () => new Bool(),
  int8: () => new Int8(),
  uint8: () => new Uint8(),
  int16: () => new Int16(),
  uint16: () => new Uint16(),
  int32: () => new Int32(),
  uint32: () => new Uint32(),
  int64: () => new Int64(),
  uint64: () => new Uint64(),
  float32: () => new Float32(),
  float64: () => new Float64(),
  string: () => new Utf8(),
  bytes: () => new Binary(),
  timestamp: () => new TimestampMicrosecond('UTC'),
  date: () => new DateDay(),
};

function fieldOf(column: ColumnSchema): Field {
  const notes = new Map<string, string>();
  if (column.unit !== undefined) notes.set('unit', column.unit);
  if (column.description !== undefined) notes.set('description', column.description);
  if (column.type === 'stamp') {
    notes.set('shape', JSON.stringify(column.shape));
    return new Field(column.name, new FixedSizeList(stampLength(column), new Field('item', new Float32(), false)), false, notes);
  }
  const type = MAKE[column.type === 'list' ? column.item : column.type]();
  return new Field(column.name, type, column.nullable ?? false, notes);
}

export function toArrowSchema(schema: TableSchema): Schema {
  return new Schema(schema.columns.map(fieldOf), new Map(Object.entries(schema.metadata ?? {})));
}

/** What values of an Arrow type are given as; undefined for what is not read. */
export function scalarTypeOf(type: DataType): ScalarType | undefined {
  if (DataType.isDictionary(type)) return scalarTypeOf(type.dictionary);
  if (DataType.isBool(type)) return 'bool';
  if (DataType.isInt(type)) return `${type.isSigned ? '' : 'u'}int${type.bitWidth}` as ScalarType;
  if (DataType.isFloat(type)) return type.precision === Precision.DOUBLE ? 'float64' : 'float32';
  if (DataType.isUtf8(type) || DataType.isLargeUtf8(type)) return 'string';
  if (DataType.isBinary(type) || DataType.isLargeBinary(type) || DataType.isFixedSizeBinary(type)) return 'bytes';
  if (DataType.isTimestamp(type)) return 'timestamp';
  return DataType.isDate(type) ? 'date' : undefined;
}

/** The shape a field declares, if it has that many pixels; else one axis. */
function shapeOf(field: Field, length: number): number[] {
  try {
    const shape: unknown = JSON.parse(field.metadata.get('shape') ?? '');
    const sizes = Array.isArray(shape) ? shape : [];
    if (sizes.every((size) => Number.isSafeInteger(size) && size > 0) && sizes.reduce((a, b) => a * b, 1) === length)
      return sizes;
  } catch {
    // A foreign file may use the key for something else.
  }
  return [length];
}

function columnOf(field: Field): ColumnSchema | undefined {
  const [unit, description] = [field.metadata.get('unit'), field.metadata.get('description')];
  const named = { name: field.name, ...(unit !== undefined && { unit }), ...(description !== undefined && { description }) };
  const { type } = field;
  const children = (type as { children?: Field[] }).children ?? [];
  // A decoded type is of the class Float, not Float32.
  const isSingle = DataType.isFloat(children[0]?.type) && children[0].type.precision === Precision.SINGLE;
  if (DataType.isFixedSizeList(type) && isSingle && type.listSize > 0) {
    return { ...named, type: 'stamp', shape: shapeOf(field, type.listSize) };
  }
  if (DataType.isList(type) || DataType.isFixedSizeList(type)) {
    const item = scalarTypeOf(children[0].type);
    return item === undefined ? undefined : { ...named, type: 'list', item, nullable: field.nullable };
  }
  const scalar = scalarTypeOf(type);
  return scalar === undefined ? undefined : { ...named, type: scalar, nullable: field.nullable };
}

/** The columns that are read, with their positions, and the names of those that are not. */
export function fromArrowSchema(schema: Schema): { schema: TableSchema; positions: number[]; unread: string[] } {
  const columns: ColumnSchema[] = [];
  const positions: number[] = [];
  const unread: string[] = [];
  for (const [position, field] of schema.fields.entries()) {
    const column = columnOf(field);
    if (column === undefined) unread.push(field.name);
    else {
      columns.push(column);
      positions.push(position);
    }
  }
  return { schema: { columns, metadata: Object.fromEntries(schema.metadata) }, positions, unread };
}
