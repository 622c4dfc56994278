/** `arclet table`: look into tables and convert them. */
import { type Command, Option } from 'commander';
import type { ColumnSchema } from '../io/table.ts';
import { type Cell, tableConvert, tableHead, tableSchema } from '../pipelines/files/table-convert.ts';
import { jsonText } from './json.ts';
import { type CommonOptions, logOf, wholeNumber, withCommonOptions } from './options.ts';
import { table } from './table.ts';

type Words = CommonOptions & { readonly json: boolean; readonly hdu?: string; readonly columns?: readonly string[] };

/** Longer cells are cut on a terminal; --json has them whole. */
const SHOWN_CELL = 40;

const print = (text: string): void => void process.stdout.write(`${text}\n`);

export function addTableCommand(program: Command): void {
  const tables = program
    .command('table')
    .description('look into and convert Parquet, Arrow, CSV and FITS tables (paths and s3://)');
  const add = (name: string, description: string) =>
    withCommonOptions(tables.command(name).description(description))
      .argument('<FILE>', 'Parquet, Arrow, CSV, TSV or FITS')
      .option('--json', 'print JSON', false)
      .option('--hdu <n>', 'table of a FITS file by number, EXTNAME or EXTNAME,EXTVER (default: the first)')
      .option('--columns <a,b,...>', 'only these columns, in this order', (text: string) => text.split(','));
  add('head', 'print the first rows').option('-n, --rows <n>', 'how many', wholeNumber(1), 10).action(head);
  add('schema', 'print columns with types, shapes and units').action(schema);
  add('convert', 'write as another format, named by the ending of --out')
    .requiredOption('--out <path>', '.parquet, .arrow (file), .arrows (stream), .csv, .tsv or .fits')
    .addOption(new Option('--codec <name>', 'of Parquet').choices(['zstd', 'snappy', 'none']).default('zstd'))
    .addOption(
      new Option('--stamps <storage>', 'stamps in Parquet: bytes, or list, which pandas reads without help')
        .choices(['bytes', 'list'])
        .default('bytes'),
    )
    .action(convert);
}

const typeOf = (column: ColumnSchema): string =>
  column.type === 'stamp'
    ? `float32 [${column.shape.join(', ')}]`
    : column.type === 'list'
      ? `list of ${column.item}`
      : `${column.type}${column.nullable ? ' or null' : ''}`;

async function head(file: string, words: Words & { readonly rows: number }): Promise<void> {
  const { columns, rows, unread } = await tableHead(file, words.rows, words);
  if (unread.length > 0) logOf(words).info('unread', `${file}: columns that are not read: ${unread.join(', ')}`);
  const names = columns.map(({ name }) => name);
  if (words.json) return print(jsonText(rows.map((row) => Object.fromEntries(row.map((cell, at) => [names[at], cell])))));
  print(table(names, rows.map((row) => row.map(shown)))); // biome-ignore format: one thought
}

function shown(cell: Cell): string {
  if (cell === null) return '-';
  if (!Array.isArray(cell)) return clipped(String(cell));
  return clipped(`[${cell.slice(0, 4).map(shortNumber).join(' ')}${cell.length > 4 ? ` ... ${cell.length}` : ''}]`);
}

const shortNumber = (value: unknown): string =>
  typeof value === 'number' ? String(Number(value.toPrecision(6))) : String(value);

const clipped = (text: string): string => (text.length > SHOWN_CELL ? `${text.slice(0, SHOWN_CELL - 3)}...` : text);

async function schema(file: string, words: Words): Promise<void> {
  const found = await tableSchema(file, words);
  if (words.json) return print(jsonText(found, 2));
  const { format, rows, columns, metadata, unread } = found;
  print(`${file}: ${format}, ${rows ?? 'unknown number of'} rows, ${columns.length} columns`);
  print(table(['column', 'type', 'unit', 'description'], columns.map((one) => [one.name, typeOf(one), one.unit ?? '', one.description ?? '']))); // biome-ignore format: one thought
  for (const [key, value] of Object.entries(metadata)) print(`${key} = ${clipped(value)}`);
  if (unread.length > 0) print(`not read: ${unread.join(', ')}`);
}

type ConvertWords = Words & {
  readonly out: string;
  readonly codec: 'zstd' | 'snappy' | 'none';
  readonly stamps: 'bytes' | 'list';
};

async function convert(file: string, words: ConvertWords): Promise<void> {
  const report = await tableConvert(file, words);
  const log = logOf(words);
  for (const { column, why } of report.leftOut) log.info('left-out', `Column '${column}' is left out: ${why}.`);
  print(words.json ? jsonText(report, 2) : `${file} -> ${report.out}: ${report.rows} rows, ${report.columns} columns`);
}
