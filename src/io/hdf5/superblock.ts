/** The first bytes of an HDF5 file, checked here: the library prints pages of diagnostics to stderr for a file that is cut off. */
import { ArcletError } from '../../core/errors.ts';
import type { ByteSource } from '../store/source.ts';

const SIGNATURE = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a];

/** Throws INPUT_INVALID unless the file has a superblock (at byte 0, 512, 1024, 2048 ...) and is as long as that says. */
export async function checkSuperblock(source: ByteSource): Promise<void> {
  const fail = (why: string) =>
    new ArcletError('INPUT_INVALID', `${source.name} ${why}.`, { subject: source.name, remedy: 'Fetch or make the file again.' });
  for (let at = 0; at + 48 <= source.size; at = at === 0 ? 512 : 2 * at) {
    const head = await source.read(at, Math.min(64, source.size - at));
    if (!SIGNATURE.every((byte, index) => head[index] === byte)) continue;
    const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
    const version = head[8];
    // Versions 0 and 1 give the sizes of offsets at 13, 2 and 3 at 9; the end of the file follows the base address and one more.
    const width = head[version < 2 ? 13 : 9];
    const end = version === 0 ? 24 : version === 1 ? 28 : 12;
    if (version > 3) throw fail(`has an HDF5 superblock of the unknown version ${version}`);
    if (width !== 8) return;
    const declared = Number(view.getBigUint64(end, true)) + Number(view.getBigUint64(end + 16, true));
    if (declared > source.size) throw fail(`is cut off: it has ${source.size} bytes of ${declared}`);
    return;
  }
  throw fail('is no HDF5 file');
}
