/** PLIO_1 decoding: IRAF pixel lists, runs and single pixels over a level that moves (FITS Standard 4.0, 10.4.3; IRAF plio.hlp). */
import { damaged } from './types.ts';

const ZERO_RUN = 0;
const SET_HIGH = 1;
const RAISE = 2;
const LOWER = 3;
const LEVEL_RUN = 4;
const RUN_TO_LEVEL = 5;
const RAISE_AND_SET = 6;
const LOWER_AND_SET = 7;

/**
 * Decodes one line list.
 *
 * @param bytes big-endian 16-bit words
 * @param count pixels of the tile; those behind the list's end are 0
 * @throws INPUT_INVALID for a list whose header names more words than it has, an unknown instruction or a run past the last pixel
 */
export function plioDecode(bytes: Uint8Array, count: number, out: Int32Array, subject = 'PLIO_1 tile'): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const have = bytes.length >> 1;
  const word = (index: number): number => view.getInt16(2 * index);
  if (have < 3) throw damaged(subject, `a PLIO_1 list of ${bytes.length} bytes has no header`);
  // Lists of the old form carry their length in the third word; the new one has a header of its own length there.
  const old = word(2) > 0;
  if (!old && have < 7) throw damaged(subject, `a PLIO_1 list of ${bytes.length} bytes has no header`);
  const length = old ? word(2) : word(4) * 32768 + word(3);
  const first = old ? 3 : word(1);
  if (length < 0 || length > have || first < 3) {
    throw damaged(subject, `a PLIO_1 list of ${have} words says that it has ${length}, from word ${first}`);
  }
  let at = 0;
  let level = 1;
  for (let index = first; index < length && at < count; index++) {
    const code = view.getUint16(2 * index);
    const operand = code & 4095;
    switch (code >> 12) {
      case ZERO_RUN:
      case LEVEL_RUN:
      case RUN_TO_LEVEL: {
        const end = at + operand;
        if (end > count) throw damaged(subject, `a PLIO_1 run ends at pixel ${end} of ${count}`);
        out.fill(code >> 12 === LEVEL_RUN ? level : 0, at, end);
        if (code >> 12 === RUN_TO_LEVEL && operand > 0) out[end - 1] = level;
        at = end;
        break;
      }
      case SET_HIGH:
        index++;
        if (index >= length) throw damaged(subject, 'a PLIO_1 list ends inside an instruction');
        level = ((word(index) << 12) + operand) | 0;
        break;
      case RAISE:
        level = (level + operand) | 0;
        break;
      case LOWER:
        level = (level - operand) | 0;
        break;
      case RAISE_AND_SET:
        level = (level + operand) | 0;
        out[at++] = level;
        break;
      case LOWER_AND_SET:
        level = (level - operand) | 0;
        out[at++] = level;
        break;
      default:
        throw damaged(subject, `a PLIO_1 list has the unknown instruction ${code >> 12}`);
    }
  }
  out.fill(0, at, count);
}
