/** Reading Parquet by row group and column, from a file, an object or memory. */
import { type ColumnMetaData, type FileMetaData, parquetMetadata, parquetSchema } from 'hyparquet';
import { ArcletError, isArcletError } from '../../core/errors.ts';
import type { ByteSource } from '../store/source.ts';
import type { ColumnValues, TableBatch, TableSchema } from '../table.ts';
import { assembleLists, assembleScalars, assembleStamps } from './assemble.ts';
import { readPages } from './pages.ts';
import { COLUMNS_KEY, fromParquetSchema, type LeafColumn, notesIn } from './schema.ts';

/** One row group of a file. */
export interface RowGroupInfo {
  readonly rows: number;
  /** Bytes in the file. */
  readonly bytes: number;
}

/** An open Parquet file. Reading throws INPUT_INVALID naming the file, the row group and the column where the bytes are damaged. */
export interface ParquetTable {
  /** Columns that can be read, in the order of the file, and the file's own metadata. */
  readonly schema: TableSchema;
  /** Columns that are not read: maps, structs, lists of lists. */
  readonly unread: readonly string[];
  readonly rows: number;
  readonly rowGroups: readonly RowGroupInfo[];
  /** Reads one row group. Default all columns; only the bytes of those asked for are fetched. Throws USAGE for an unknown column. */
  readRowGroup(index: number, columns?: readonly string[]): Promise<TableBatch>;
  /** All row groups in order, one in memory at a time. */
  batches(columns?: readonly string[]): AsyncGenerator<TableBatch>;
}

const MAGIC = 0x31524150;
const LARGEST_FOOTER = 2 ** 30;

/** Reads the footer. The source stays the caller's to close. Throws INPUT_INVALID when it is no Parquet file or damaged. */
export async function openParquet(source: ByteSource): Promise<ParquetTable> {
  const metadata = await readFooter(source);
  return within(source, 'the footer', () => tableOf(source, metadata));
}

function damaged(source: ByteSource, where: string, cause: unknown): ArcletError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new ArcletError('INPUT_INVALID', `${source.name} is damaged in ${where}: ${why}.`, {
    subject: source.name,
    remedy: 'Fetch or make the file again.',
    data: { where },
    cause,
  });
}

function within<T>(source: ByteSource, where: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw isArcletError(cause) ? cause : damaged(source, where, cause);
  }
}

async function readFooter(source: ByteSource): Promise<FileMetaData> {
  // The footer of most files comes with the first read.
  const guess = Math.min(source.size, 2 ** 16);
  let tail = await source.read(source.size - guess, guess);
  const view = new DataView(tail.buffer, tail.byteOffset, tail.byteLength);
  if (guess < 12 || view.getUint32(guess - 4, true) !== MAGIC) {
    throw damaged(source, 'the footer', new Error('it does not end with PAR1, so it is no Parquet file or cut off'));
  }
  const length = view.getUint32(guess - 8, true) + 8;
  if (length > source.size || length > LARGEST_FOOTER) {
    throw damaged(source, 'the footer', new Error(`a footer of ${length} bytes in a file of ${source.size}`));
  }
  if (length > guess) tail = await source.read(source.size - length, length);
  return within(source, 'the footer', () => parquetMetadata(tail, { geoparquet: false }));
}

function tableOf(source: ByteSource, footer: FileMetaData): ParquetTable {
  const keyValues = footer.key_value_metadata ?? [];
  const { leaves, unread } = fromParquetSchema(parquetSchema(footer), notesIn(keyValues));
  const metadata = Object.fromEntries(keyValues.flatMap(({ key, value }) => (key === COLUMNS_KEY ? [] : [[key, value ?? '']])));
  const rowGroups = footer.row_groups.map((group, index) => {
    const rows = Number(group.num_rows);
    if (!(rows >= 0)) throw new Error(`row group ${index} has ${rows} rows`);
    return { rows, bytes: group.columns.reduce((sum, { meta_data }) => sum + Number(meta_data?.total_compressed_size ?? 0), 0) };
  });
  const rows = rowGroups.reduce((sum, group) => sum + group.rows, 0);
  if (rows !== Number(footer.num_rows)) throw new Error(`${footer.num_rows} rows are declared and the row groups have ${rows}`);

  async function readRowGroup(index: number, columns?: readonly string[]): Promise<TableBatch> {
    if (rowGroups[index] === undefined) throw new RangeError(`row group ${index} of ${rowGroups.length}`);
    const chosen = choose(source, leaves, unread, columns);
    const read = async (leaf: LeafColumn) => {
      const where = `column '${leaf.column.name}' of row group ${index}`;
      const chunk = footer.row_groups[index].columns[leaf.leaf];
      const values = await readChunk(source, chunk?.meta_data, chunk?.file_path, leaf, rowGroups[index].rows, where);
      return [leaf.column.name, values] as const;
    };
    return { rows: rowGroups[index].rows, columns: Object.fromEntries(await Promise.all(chosen.map(read))) };
  }

  return {
    schema: { columns: leaves.map(({ column }) => column), metadata },
    unread,
    rows,
    rowGroups,
    readRowGroup,
    async *batches(columns) {
      for (let index = 0; index < rowGroups.length; index++) yield await readRowGroup(index, columns);
    },
  };
}

function choose(
  source: ByteSource,
  leaves: readonly LeafColumn[],
  unread: readonly string[],
  columns?: readonly string[],
): LeafColumn[] {
  if (columns === undefined) return [...leaves];
  return columns.map((name) => {
    const found = leaves.find(({ column }) => column.name === name);
    if (found !== undefined) return found;
    const why = unread.includes(name) ? 'is nested, which is not read' : 'is not in the file';
    throw new ArcletError('USAGE', `Column '${name}' of ${source.name} ${why}.`, {
      subject: name,
      remedy: `Choose among ${leaves.map(({ column }) => column.name).join(', ')}.`,
    });
  });
}

async function readChunk(
  source: ByteSource,
  metadata: ColumnMetaData | undefined,
  elsewhere: string | undefined,
  { column, path }: LeafColumn,
  rows: number,
  where: string,
): Promise<ColumnValues> {
  const leaf = path[path.length - 1].element;
  const start = Number(metadata?.dictionary_page_offset || metadata?.data_page_offset);
  if (metadata === undefined || elsewhere) throw damaged(source, where, new Error('its bytes are in another file'));
  if (metadata.type !== leaf.type) throw damaged(source, where, new Error(`${metadata.type} is declared to be ${leaf.type}`));
  const bytes = await source.read(Math.min(start, Number(metadata.data_page_offset)), Number(metadata.total_compressed_size));
  return within(source, where, () => {
    const levels = levelsOf(path.map(({ element }) => element.repetition_type ?? 'REQUIRED'));
    const slots = Number(metadata.num_values);
    if (!levels.repeated && slots !== rows) throw new Error(`${slots} values in ${rows} rows`);
    const pages = readPages(bytes, metadata, {
      element: leaf,
      maxDefinition: levels.item,
      maxRepetition: levels.repeated ? 1 : 0,
      slots,
    });
    if (column.type === 'stamp') return assembleStamps(pages, column, rows, levels.item);
    if (column.type === 'list') return assembleLists(pages, leaf, column.item, levels, rows);
    return assembleScalars(pages, leaf, column.type);
  });
}

/** Definition levels of a path: each level that is not required adds one. */
function levelsOf(repetitions: readonly string[]) {
  const repeatedAt = repetitions.indexOf('REPEATED');
  const count = (end: number) => repetitions.slice(0, end).filter((repetition) => repetition !== 'REQUIRED').length;
  return {
    repeated: repeatedAt >= 0,
    present: count(Math.max(0, repeatedAt)),
    filled: count(repeatedAt + 1),
    item: count(repetitions.length),
  };
}
