/** `arclet fits`: what stands in FITS files, parts of them, and compression. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { ArcletError } from '../core/errors.ts';
import type { QuantizeOptions } from '../io/fits/index.ts';
import { type CompressRequest, fitsCompress, fitsDecompress, type RewriteReport } from '../pipelines/files/fits-compress.ts';
import { type CutoutReport, fitsCutout, type PixelBox, type SkyBox } from '../pipelines/files/fits-cutout.ts';
import { fitsHeaders, fitsInfo, fitsVerify } from '../pipelines/files/fits-describe.ts';
import { fitsStats, type HduStats } from '../pipelines/files/fits-stats.ts';
import { jsonText } from './json.ts';
import { type CommonOptions, logOf, wholeNumber, withCommonOptions } from './options.ts';
import { table } from './table.ts';

type Words = CommonOptions & { readonly json: boolean; readonly hdu?: string };

const print = (text: string): void => void process.stdout.write(`${text}\n`);

export function addFitsCommand(program: Command): void {
  const fits = program.command('fits').description('read, check, cut and compress FITS files (paths and s3://)');
  const add = (name: string, description: string) =>
    withCommonOptions(fits.command(name).description(description)).option('--json', 'print JSON', false);
  const HDU = ['--hdu <n>', 'HDU by number (0 is the first), EXTNAME or EXTNAME,EXTVER'] as const;

  add('info', 'list the HDUs; reads headers only').argument('<FILE...>').action(info);
  add('header', 'print headers')
    .argument('<FILE...>')
    .option(...HDU)
    .action(header);
  add('verify', 'check sums, sizes and values; status 1 when something is wrong').argument('<FILE...>').action(verify);
  add('stats', 'shape, type, counts, extremes and mean of every HDU')
    .argument('<FILE>')
    .option(...HDU)
    .action(stats);
  add('cutout', 'cut a box; reads only the rows or tiles that it touches')
    .argument('<FILE...>', 'images; several give one HDU each, three to a .png are red, green, blue')
    .requiredOption('--out <path>', 'output: .fits keeps a right WCS, .png is stretched')
    .option(...HDU)
    .option('--ra <deg>', 'centre on the sky, degrees in the frame of the image', finite)
    .option('--dec <deg>', 'centre on the sky, degrees', finite)
    .option('--size-arcsec <n>', 'side of the square, arcseconds', finite)
    .option('--box <x0,y0,w,h>', 'first pixel (from 0) and size in pixels', box)
    .action(cutout);
  add('compress', 'tile-compress every image; nothing is lost unless --quantize is given')
    .argument('<FILE...>')
    .option('--out <path>', 'output (default: FILE.fz, which must not exist)')
    .addOption(
      new Option('--codec <name>', 'default: rice for integers and quantised floats, gzip2 for the rest').choices([
        'rice',
        'gzip2',
        'hcompress',
      ]),
    )
    .option('--quantize <q>', 'floats to steps of noise / q (4 is usual); negative: of that size', finite)
    .addOption(
      new Option('--dither <method>', 'of quantised floats; 2 keeps exact zeros').choices(['none', '1', '2']).default('1'),
    )
    .option('--dither-seed <n>', 'where the dither begins, 1 to 10000', wholeNumber(1), 1)
    .option('--tile <w,h>', 'size of tiles, NAXIS1 first (default: rows; hcompress: about 100,100)', sizes)
    .action(compress);
  add('decompress', 'restore tile-compressed images').argument('<FILE...>').option('--out <path>', 'output (default: FILE without .fz)').action(decompress); // biome-ignore format: one thought
}

function finite(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('It must be a number.');
  return value;
}

function box(text: string): PixelBox {
  const [x0, y0, width, height, ...rest] = text.split(',').map(Number);
  if (rest.length > 0 || ![x0, y0, width, height].every(Number.isSafeInteger) || width < 1 || height < 1)
    throw new InvalidArgumentError('It must be four whole numbers x0,y0,w,h with w and h at least 1.');
  return { x0, y0, width, height };
}

function sizes(text: string): number[] {
  const values = text.split(',').map(Number);
  if (!values.every((value) => Number.isSafeInteger(value) && value > 0))
    throw new InvalidArgumentError('It must be whole numbers of at least 1.');
  return values.reverse();
}

async function info(files: string[], words: Words): Promise<void> {
  const found = [];
  for (const file of files) found.push(await fitsInfo(file));
  const log = logOf(words);
  for (const { problems } of found) for (const problem of problems) log.info('problem', problem);
  if (words.json) return print(jsonText(found, 2));
  const head = ['hdu', 'name', 'ver', 'type', 'cards', 'shape', 'dtype', 'unit', 'detail'];
  for (const { file, hdus } of found) {
    const rows = hdus.map(({ index, name, version, type, cards, shape, dtype, unit, detail }) =>
      [index, name, version, type, cards, shape.join(' x ') || '-', dtype ?? '-', unit ?? '', detail].map(String),
    );
    print(`${file}\n${table(head, rows)}`);
  }
}

async function header(files: string[], words: Words): Promise<void> {
  const found = [];
  for (const file of files) found.push({ file, hdus: await fitsHeaders(file, words.hdu) });
  if (words.json) {
    const views = found.map(({ file, hdus }) => ({ file, hdus: hdus.map(({ index, name, cards }) => ({ index, name, cards })) }));
    return print(jsonText(views, 2));
  }
  for (const { file, hdus } of found) for (const { index, lines } of hdus) print(`# ${file}[${index}]\n${lines.join('\n')}\nEND`);
}

async function verify(files: string[], words: Words): Promise<void> {
  const found = [];
  for (const file of files) found.push(await fitsVerify(file));
  if (found.some(({ ok }) => !ok)) process.exitCode = 1;
  if (words.json) return print(jsonText(found, 2));
  for (const { file, ok, hdus, problems } of found) {
    print(`${file}: ${ok ? 'sound' : 'NOT SOUND'}`);
    print(table(['hdu', 'name', 'data', 'checksum'], hdus.map(({ index, name, data, hdu }) => [String(index), name, data, hdu]))); // biome-ignore format: one thought
    for (const problem of [
      ...problems,
      ...hdus.flatMap(({ index, problems }) => problems.map((text) => `HDU ${index}: ${text}`)),
    ])
      print(`  ${problem}`);
  }
}

async function stats(file: string, words: Words): Promise<void> {
  const { hdus, problems, failure } = await fitsStats(file, words.hdu);
  const log = logOf(words);
  for (const problem of problems) log.info('problem', problem);
  print(words.json ? jsonText(hdus) : hdus.map(describeStats).join('\n'));
  if (failure !== undefined) process.exitCode = log.error(failure);
}

const shown = (value: number | bigint | string | null | undefined): string =>
  typeof value === 'number' ? String(Number(value.toPrecision(9))) : String(value ?? '-');

function describeStats(hdu: HduStats): string {
  const { index, name, type, compression, shape, dtype, unit, n, finite, nan, min, max, mean, columns, error } = hdu;
  const title = `HDU ${index} ${name} ${type}${compression === undefined ? '' : ` (${compression})`} [${shape.join(', ')}] ${dtype ?? ''}`;
  if (error !== undefined) return `${title.trimEnd()}\n  ${error}`;
  if (columns !== undefined) {
    const rows = columns.map((column) => [column.name, column.format, column.unit ?? '', shown(column.min), shown(column.max)]);
    return `${title.trimEnd()}\n${table(['column', 'format', 'unit', 'min', 'max'], rows)}`;
  }
  if (dtype === null) return title.trimEnd();
  return `${title} ${unit ?? ''}\n  n ${n}, finite ${finite}, nan ${nan}, min ${shown(min)}, max ${shown(max)}, mean ${shown(mean)}`;
}

type CutoutWords = Words & {
  readonly out: string;
  readonly ra?: number;
  readonly dec?: number;
  readonly sizeArcsec?: number;
  readonly box?: PixelBox;
};

function boxOf({ ra, dec, sizeArcsec, box }: CutoutWords): PixelBox | SkyBox {
  const sky = [ra, dec, sizeArcsec].filter((value) => value !== undefined).length;
  if (box !== undefined && sky === 0) return box;
  if (box === undefined && ra !== undefined && dec !== undefined && sizeArcsec !== undefined && sizeArcsec > 0)
    return { raDeg: ra, decDeg: dec, sizeArcsec };
  throw new ArcletError('USAGE', 'A cutout needs either --box or all of --ra, --dec and --size-arcsec (above 0).', {
    remedy: 'See arclet fits cutout --help.',
  });
}

async function cutout(files: string[], words: CutoutWords): Promise<void> {
  const cuts = await fitsCutout(files, { box: boxOf(words), hdu: words.hdu, out: words.out });
  const log = logOf(words);
  for (const { file, notes } of cuts) for (const note of notes) log.info('note', `${file}: ${note}`);
  print(words.json ? jsonText({ out: words.out, cutouts: cuts }, 2) : cuts.map(describeCut).join('\n'));
}

const describeCut = ({ file, hdu, name, box, dtype, bytes, reads, tiles, fileBytes }: CutoutReport): string =>
  `${file}[${hdu}${name === '' ? '' : ` ${name}`}] ${box.width} x ${box.height} ${dtype} at (${box.x0}, ${box.y0}): ` +
  `${bytes} of ${fileBytes} bytes in ${reads} reads, ${tiles} tiles`;

type CompressWords = Words & {
  readonly out?: string;
  readonly codec?: keyof typeof CODECS;
  readonly quantize?: number;
  readonly dither: 'none' | '1' | '2';
  readonly ditherSeed: number;
  readonly tile?: readonly number[];
};

const CODECS = { rice: 'RICE_1', gzip2: 'GZIP_2', hcompress: 'HCOMPRESS_1' } as const;
const DITHERS = { none: 'NO_DITHER', '1': 'SUBTRACTIVE_DITHER_1', '2': 'SUBTRACTIVE_DITHER_2' } as const;

function compress(files: string[], words: CompressWords): Promise<void> {
  const { quantize: level, dither, ditherSeed, tile: tileShape } = words;
  const quantize: QuantizeOptions | undefined =
    level === undefined ? undefined : { level, method: DITHERS[dither], dither0: ditherSeed };
  const codec = words.codec === undefined ? undefined : CODECS[words.codec];
  const request: CompressRequest = { codec, quantize, tileShape };
  return rewriteAll(files, words, (file) => fitsCompress(file, words.out, request));
}

function decompress(files: string[], words: Words & { readonly out?: string }): Promise<void> {
  return rewriteAll(files, words, (file) => fitsDecompress(file, words.out));
}

async function rewriteAll(
  files: string[],
  words: Words & { readonly out?: string },
  rewrite: (file: string) => Promise<RewriteReport>,
): Promise<void> {
  if (files.length > 1 && words.out !== undefined)
    throw new ArcletError('USAGE', `${files.length} files cannot go to one --out.`, { remedy: 'Leave --out away.' });
  const reports: RewriteReport[] = [];
  for (const file of files) {
    const report = await rewrite(file);
    reports.push(report);
    const { out, images, bytesIn, bytesOut } = report;
    if (!words.json) print(`${file} -> ${out}: ${images} images, ${bytesIn} -> ${bytesOut} bytes`);
  }
  if (words.json) print(jsonText(reports, 2));
}
