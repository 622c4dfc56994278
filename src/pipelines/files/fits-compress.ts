/** `arclet fits compress` and `decompress`: images become tiles and tiles images; every other HDU is copied as it stands. */
import { ArcletError } from '../../core/errors.ts';
import {
  type CompressOptions,
  compressImage,
  encodeFits,
  type FitsHdu,
  FitsHeader,
  type HduInput,
  isStructural,
  type Pixels,
  type QuantizeOptions,
  sizeOf,
} from '../../io/fits/index.ts';
import { openStoreOf } from '../../io/store/store.ts';
import { hasImage, type Touched, withFits, writeTo } from './open.ts';
import { readStored } from './stored-image.ts';

export interface CompressRequest {
  /** Default RICE_1 for integers of up to 32 bits and for quantised floats, GZIP_2 (without loss) for the rest. */
  readonly codec?: CompressOptions['codec'];
  /** Floats lose their noise beyond this; without it nothing is lost. */
  readonly quantize?: QuantizeOptions;
  /** numpy order; default rows (HCOMPRESS_1: about 100 x 100). An image of other dimensions keeps the default. */
  readonly tileShape?: readonly number[];
}

export interface RewriteReport {
  readonly file: string;
  readonly out: string;
  readonly images: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/**
 * Compresses every image of a file.
 *
 * @param out where to write; default the name with .fz behind it, which must not exist
 * @throws INPUT_UNREADABLE, INPUT_INVALID, OUTPUT_UNWRITABLE, USAGE when the options do not fit an image
 */
export function fitsCompress(location: string, out: string | undefined, request: CompressRequest): Promise<RewriteReport> {
  return rewrite(location, out, `${location.replace(/\.gz$/i, '')}.fz`, async (hdus) => {
    const inputs: HduInput[] = [];
    let images = 0;
    for (const hdu of hdus) {
      const isPlain = hasImage(hdu) && hdu.type !== 'COMPRESSED_IMAGE' && sizeOf(hdu.axes) > 0;
      if (isPlain) images++;
      // An empty primary HDU goes before the first table by itself.
      inputs.push(isPlain ? await compressed(hdu, request) : await copied(hdu));
    }
    return { inputs, images };
  });
}

/**
 * Restores every compressed image of a file; values, scaling keywords and header stay what they were.
 *
 * @param out where to write; default the name without .fz, which must not exist
 * @throws INPUT_UNREADABLE, INPUT_INVALID, OUTPUT_UNWRITABLE
 */
export function fitsDecompress(location: string, out: string | undefined): Promise<RewriteReport> {
  const usual = /\.fz$/i.test(location) ? location.slice(0, -3) : undefined;
  return rewrite(location, out, usual, async (hdus) => {
    const images = hdus.filter(({ type }) => type === 'COMPRESSED_IMAGE').length;
    // ZSIMPLE says that the image was the primary HDU, before which an empty one was put.
    const [first, second] = hdus;
    const wasPrimary = first.axes.length === 0 && second?.type === 'COMPRESSED_IMAGE' && second.header.get('ZSIMPLE') === true;
    const inputs: HduInput[] = [];
    for (const hdu of wasPrimary ? hdus.slice(1) : hdus)
      inputs.push(hdu.type === 'COMPRESSED_IMAGE' ? await restored(hdu) : await copied(hdu));
    return { inputs, images };
  });
}

type Converted = { readonly inputs: readonly HduInput[]; readonly images: number };

async function rewrite(
  location: string,
  asked: string | undefined,
  usual: string | undefined,
  convert: (hdus: readonly FitsHdu[]) => Promise<Converted>,
): Promise<RewriteReport> {
  const out = asked ?? (await freeName(location, usual));
  return withFits(location, async (file) => {
    if (file.problems.length > 0)
      throw new ArcletError('INPUT_INVALID', `${location} is not sound, so it is not rewritten: ${file.problems[0]}`, {
        subject: location,
        remedy: 'Fetch or make the file again.',
      });
    const { inputs, images } = await convert(file.hdus);
    const written: Touched = { bytes: 0, reads: 0 };
    await writeTo(out, tallied(encodeFits(inputs), written));
    return { file: location, out, images, bytesIn: file.source.size, bytesOut: written.bytes };
  });
}

function* tallied(chunks: Iterable<Uint8Array>, written: Touched): Generator<Uint8Array> {
  for (const chunk of chunks) {
    written.bytes += chunk.length;
    yield chunk;
  }
}

/** A name that nobody chose replaces no file. */
async function freeName(location: string, usual: string | undefined): Promise<string> {
  const refuse = (code: 'USAGE' | 'OUTPUT_UNWRITABLE', why: string) =>
    new ArcletError(code, `${location}: ${why}.`, { subject: location, remedy: 'Name the output with --out.' });
  if (usual === undefined) throw refuse('USAGE', 'its name does not end in .fz, so the output needs a name');
  const { store, key } = await openStoreOf(usual);
  try {
    if (await store.exists(key)) throw refuse('OUTPUT_UNWRITABLE', `${usual} is there already`);
  } finally {
    await store.close();
  }
  return usual;
}

/** The cards of an HDU that do not describe how its data lie, without those that `taken` has. */
function ownCards(hdu: FitsHdu, taken: FitsHeader): FitsHeader {
  const header = hdu.header.clone().remove((key) => isStructural(key) || taken.has(key));
  return header;
}

async function compressed(hdu: FitsHdu, request: CompressRequest): Promise<HduInput> {
  const { data, shape, scaling } = await readStored(hdu);
  const isFloat = hdu.bitpix < 0;
  const quantize = isFloat ? request.quantize : undefined;
  const codec = request.codec ?? (hdu.bitpix === 64 || (isFloat && quantize === undefined) ? 'GZIP_2' : 'RICE_1');
  const tileShape = request.tileShape?.length === shape.length ? request.tileShape : undefined;
  const { cards, bytes } = await compressImage(data as Pixels, shape, hdu.bitpix, { codec, quantize, tileShape });
  const made = FitsHeader.of(cards);
  if (hdu.index === 0) made.set('ZSIMPLE', true, 'was the primary HDU').remove('ZTENSION');
  const header = new FitsHeader([...made.cards, ...ownCards(hdu, made).cards, ...FitsHeader.of(scaling).cards], hdu.header.where);
  return { kind: 'raw', header, data: () => [bytes] };
}

async function restored(hdu: FitsHdu): Promise<HduInput> {
  const { data, shape, scaling } = await readStored(hdu);
  const header = hdu.header.clone().remove((key) => key === 'EXTNAME');
  const name = hdu.name === 'COMPRESSED_IMAGE' ? undefined : hdu.name;
  return { kind: 'image', data, shape, header, cards: scaling, name };
}

/** As it stands, header and data, but for checksums, which are written anew. */
async function copied(hdu: FitsHdu): Promise<HduInput> {
  const bytes = await hdu.source.read(hdu.dataOffset, hdu.dataBytes);
  return { kind: 'raw', header: hdu.header, data: () => [bytes] };
}
