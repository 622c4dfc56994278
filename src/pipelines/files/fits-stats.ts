/** `arclet fits stats`: what every HDU holds, in memory that does not grow with the file. */
import { ArcletError, isArcletError, toPlainError } from '../../core/errors.ts';
import { wholeBlocks } from '../../io/fits/header.ts';
import {
  type ColumnInfo,
  compressedImageInfo,
  type FitsColumn,
  type FitsFile,
  type FitsHdu,
  imageChunks,
  imageInfo,
  type NumberArray,
  readGroups,
  tableChunks,
  tableColumns,
  tableRows,
} from '../../io/fits/index.ts';
import { hduNamed, isTable, withFits } from './open.ts';
import { Summary } from './summary.ts';

/** Pixels or rows that stand in memory at once. */
const CHUNK_BYTES = 8e6;

export interface ColumnStats {
  readonly name: string;
  /** TFORM. */
  readonly format: string;
  readonly unit: string | null;
  /** Over defined, finite values; null for text and complex numbers, and where there are none. */
  readonly min: number | bigint | null;
  readonly max: number | bigint | null;
}

/** One HDU. Statistics are over finite values; what an HDU does not have is null. */
export interface HduStats {
  readonly index: number;
  readonly name: string;
  readonly type: string;
  /** Codec of an image that is kept compressed. */
  readonly compression?: string;
  /** numpy order; [rows] of a table, [] without data. */
  readonly shape: readonly number[];
  /** As numpy names it, after scaling; null for tables and without data. */
  readonly dtype: string | null;
  readonly unit: string | null;
  readonly n: number | null;
  readonly finite: number | null;
  /** Undefined pixels (BLANK, ZBLANK) are NaN. */
  readonly nan: number | null;
  readonly min: number | bigint | null;
  readonly max: number | bigint | null;
  readonly mean: number | null;
  readonly rows?: number;
  readonly columns?: readonly ColumnStats[];
  /** Why the data cannot be read; then the numbers are null. */
  readonly error?: string;
}

export interface FileStats {
  readonly hdus: readonly HduStats[];
  /** What is wrong with the file although these HDUs could be read. */
  readonly problems: readonly string[];
  /** The first error of an HDU, or that some HDUs are missing in the answer. */
  readonly failure: unknown;
}

/**
 * Statistics of every HDU, or of one.
 *
 * An HDU whose data cannot be read stands in the answer with its error, so that one bad HDU hides no good one.
 *
 * @throws INPUT_UNREADABLE, INPUT_INVALID when the file cannot be opened or has no such HDU
 */
export async function fitsStats(location: string, hdu?: string): Promise<FileStats> {
  return withFits(location, async (file) => {
    const chosen = hdu === undefined ? file.hdus : [hduNamed(file, hdu)];
    const hdus: HduStats[] = [];
    let failure: unknown;
    for (const one of chosen) {
      try {
        hdus.push(await hduStats(one));
      } catch (error) {
        if (!isArcletError(error)) throw error;
        failure ??= error;
        hdus.push({ ...empty(one), shape: [], error: toPlainError(error).message });
      }
    }
    if (hdu === undefined) failure ??= await lostHdu(file);
    return { hdus, problems: file.problems, failure };
  });
}

/** An extension that begins behind the last HDU and could not be read: it is missing in the answer, which must not look complete. */
async function lostHdu({ source, hdus, problems }: FitsFile): Promise<ArcletError | undefined> {
  const { dataOffset, dataBytes } = hdus[hdus.length - 1];
  const end = dataOffset + wholeBlocks(dataBytes);
  if (end + 8 > source.size || new TextDecoder('latin1').decode(await source.read(end, 8)) !== 'XTENSION') return undefined;
  return new ArcletError(
    'INPUT_INVALID',
    `${source.name}[${hdus.length}] and what follows it cannot be read: ${problems.at(-1)}`,
    {
      subject: source.name,
      remedy: 'Fetch or make the file again.',
    },
  );
}

const empty = (hdu: FitsHdu): HduStats => ({
  index: hdu.index,
  name: hdu.name,
  type: hdu.type,
  shape: [],
  dtype: null,
  unit: null,
  n: null,
  finite: null,
  nan: null,
  min: null,
  max: null,
  mean: null,
});

async function hduStats(hdu: FitsHdu): Promise<HduStats> {
  if (isTable(hdu)) return tableStats(hdu);
  if (hdu.type === 'RANDOM_GROUPS') return groupStats(hdu);
  if (hdu.type === 'OTHER') return { ...empty(hdu), type: hdu.header.text('XTENSION') ?? 'OTHER' };
  if (hdu.type !== 'COMPRESSED_IMAGE' && hdu.axes.length === 0) return { ...empty(hdu), n: 0, finite: 0, nan: 0 };
  const { shape, dtype, unit } = imageInfo(hdu);
  const summary = new Summary();
  for await (const { data } of imageChunks(hdu, CHUNK_BYTES)) summary.add(data);
  const compressed = hdu.type === 'COMPRESSED_IMAGE';
  return {
    ...empty(hdu),
    ...(compressed && { type: 'IMAGE', compression: compressedImageInfo(hdu.header, hdu.header.where).codec }),
    shape,
    dtype,
    unit: unit ?? null,
    ...numbers(summary),
  };
}

const numbers = ({ n, finite, nan, min, max, mean }: Summary) => ({
  n,
  finite,
  nan,
  min: min ?? null,
  max: max ?? null,
  mean: mean ?? null,
});

/** The arrays of random groups, not their parameters. */
async function groupStats(hdu: FitsHdu): Promise<HduStats> {
  const groupBytes = Math.max(1, hdu.dataBytes / Math.max(1, hdu.gcount));
  const step = Math.max(1, Math.floor(CHUNK_BYTES / groupBytes));
  const summary = new Summary();
  let shape: readonly number[] = [];
  let dtype: string | null = null;
  for (let start = 0; start < hdu.gcount; start += step) {
    const groups = await readGroups(hdu, start, Math.min(step, hdu.gcount - start));
    ({ dtype } = groups);
    shape = [hdu.gcount, ...groups.shape.slice(1)];
    summary.add(groups.data);
  }
  return { ...empty(hdu), shape, dtype, unit: hdu.header.text('BUNIT') ?? null, ...numbers(summary) };
}

const isSummed = ({ dtype }: ColumnInfo): boolean => !['string', 'complex64', 'complex128'].includes(dtype);

async function tableStats(hdu: FitsHdu): Promise<HduStats> {
  const infos = tableColumns(hdu);
  const rows = tableRows(hdu);
  const summaries = infos.map(() => new Summary());
  const asked = infos.filter(isSummed);
  // A name that stands twice means its first column: then every column is read and told apart by its place.
  const ambiguous = new Set(infos.map(({ name }) => name.toUpperCase())).size < infos.length;
  const columns = ambiguous ? undefined : asked.map(({ name }) => name);
  if (asked.length > 0 && rows > 0)
    for await (const chunk of tableChunks(hdu, { columns, maxBytes: rowBytesAtOnce(hdu, infos) }))
      for (const column of chunk.columns) if (isSummed(column)) addColumn(summaries[column.number - 1], column);
  return {
    ...empty(hdu),
    shape: [rows],
    rows,
    columns: infos.map(({ name, format, unit }, index) => ({
      name,
      format,
      unit: unit ?? null,
      min: summaries[index].min ?? null,
      max: summaries[index].max ?? null,
    })),
  };
}

/** Bytes of rows per piece such that they and their share of the heap are about {@link CHUNK_BYTES}. */
function rowBytesAtOnce(hdu: FitsHdu, infos: readonly ColumnInfo[]): number {
  const [rowLength, rows] = hdu.axes;
  const heap = infos.some(({ variable }) => variable) ? hdu.pcount / Math.max(1, rows) : 0;
  return Math.max(1, (CHUNK_BYTES * rowLength) / Math.max(1, rowLength + heap));
}

function addColumn(summary: Summary, { values, valid, variable }: FitsColumn): void {
  if (!variable) summary.add(values as NumberArray, valid);
  else for (const cell of values as readonly NumberArray[]) summary.add(cell);
}
