/**
 * The messages of an Arrow IPC stream or file, cut out and checked before Arrow's reader sees them: it ends quietly where a stream is
 * cut between messages, and believes declared lengths.
 */
import { Message } from 'apache-arrow';
import { Footer } from 'apache-arrow/ipc/metadata/file';
import type { ByteSource } from '../store/source.ts';
import { verifyFooter, verifyMessage } from './verify.ts';

/** Exactly as many bytes as asked for, or fewer at the end. */
type Take = (length: number) => Promise<Uint8Array>;

const MAGIC = 'ARROW1';
const CONTINUATION = 0xffffffff;
/** Larger metadata than this are no metadata. */
const LARGEST_METADATA = 2 ** 28;

const ascii = (bytes: Uint8Array) => String.fromCharCode(...bytes);

/** The messages of a file (in the order of its footer) or of a stream (which must end with its mark), each with its body. */
export async function* framesOf(input: ByteSource | AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  if (Symbol.asyncIterator in input) return yield* frames(takeFrom(input));
  const head = await input.read(0, Math.min(8, input.size));
  if (ascii(head.subarray(0, 6)) === MAGIC) return yield* fileFrames(input);
  let at = 0;
  yield* frames(async (length) => {
    const bytes = await input.read(at, Math.min(length, input.size - at));
    at += bytes.byteLength;
    return bytes;
  });
}

/** Apache Arrow for JavaScript writes no schema message into files: it is taken from the footer. */
async function* fileFrames(input: ByteSource): AsyncGenerator<Uint8Array> {
  const tail = input.size < 18 ? new Uint8Array(0) : await input.read(input.size - 10, 10);
  if (ascii(tail.subarray(4)) !== MAGIC) throw new Error('it does not end with ARROW1, so it is cut off');
  const footerLength = word(tail);
  if (footerLength > LARGEST_METADATA) throw new Error(`its footer declares ${footerLength} bytes`);
  const footerBytes = (await input.read(input.size - 10 - footerLength, footerLength)).slice();
  verifyFooter(footerBytes);
  const footer = Footer.decode(footerBytes);
  const schema = Message.encode(Message.from(footer.schema));
  yield frame(schema.slice(0), new Uint8Array(0));
  for (const block of [...footer.dictionaryBatches(), ...footer.recordBatches()]) {
    const [offset, prefixed, bodyLength] = [block.offset, block.metaDataLength, block.bodyLength].map(Number);
    const message = await input.read(offset, prefixed);
    const start = word(message) === CONTINUATION ? 8 : 4;
    const metadata = message.subarray(start);
    const declared = bodyLengthOf(metadata);
    if (declared !== bodyLength) throw new Error(`a batch has ${declared} bytes and ${bodyLength} in the footer`);
    yield frame(metadata, await input.read(offset + prefixed, bodyLength));
  }
}

/** Takes bytes from a stream of chunks; a request is gathered from chunks that are there, never allocated ahead. */
function takeFrom(chunks: AsyncIterable<Uint8Array>): Take {
  const iterator = chunks[Symbol.asyncIterator]();
  let rest = new Uint8Array(0);
  return async (length) => {
    const pieces: Uint8Array[] = [];
    let left = length;
    while (left > 0) {
      if (rest.byteLength === 0) {
        const next = await iterator.next();
        if (next.done) break;
        rest = new Uint8Array(next.value.buffer as ArrayBuffer, next.value.byteOffset, next.value.byteLength);
        continue;
      }
      const piece = rest.subarray(0, left);
      rest = rest.subarray(piece.byteLength);
      left -= piece.byteLength;
      pieces.push(piece);
    }
    return concat(pieces);
  };
}

function concat(pieces: readonly Uint8Array[]): Uint8Array {
  if (pieces.length === 1) return pieces[0];
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.byteLength, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.byteLength;
  }
  return whole;
}

const word = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);

function bodyLengthOf(metadata: Uint8Array): number {
  verifyMessage(metadata);
  const length = Number(Message.decode(metadata.slice()).bodyLength);
  if (!(length >= 0)) throw new Error(`a message declares a body of ${length} bytes`);
  return length;
}

/** One message as Arrow's reader takes it: mark, length, metadata padded to 8 bytes, body. */
function frame(metadata: Uint8Array, body: Uint8Array): Uint8Array {
  const padded = Math.ceil(metadata.byteLength / 8) * 8;
  const whole = new Uint8Array(8 + padded + body.byteLength);
  const view = new DataView(whole.buffer);
  view.setUint32(0, CONTINUATION, true);
  view.setUint32(4, padded, true);
  whole.set(metadata, 8);
  whole.set(body, 8 + padded);
  return whole;
}

async function* frames(take: Take): AsyncGenerator<Uint8Array> {
  const exactly = async (length: number) => {
    const bytes = await take(length);
    if (bytes.byteLength < length) throw new Error(`it ends within a message: ${bytes.byteLength} bytes of ${length}`);
    return bytes;
  };
  for (;;) {
    // Before version 0.15 there was no continuation mark.
    const first = await exactly(4);
    const length = word(word(first) === CONTINUATION ? await exactly(4) : first);
    if (length === 0) return;
    if (length > LARGEST_METADATA) throw new Error(`a message declares ${length} bytes of metadata`);
    const metadata = await exactly(length);
    yield frame(metadata, await exactly(bodyLengthOf(metadata)));
  }
}
