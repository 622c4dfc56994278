/**
 * HEALPix cells in nested order (Gorski et al. 2005, ApJ 622, 759): equal areas, and cells of one parent are neighbours in number.
 */
import { ArcletError } from '../core/errors.ts';

const LARGEST_NSIDE = 2 ** 13;

/** Ring and position of the southernmost corner of each of the 12 base faces, in units of nside and of pi/4. */
const FACE_RING = [2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4];
const FACE_LONGITUDE = [1, 3, 5, 7, 0, 2, 4, 6, 1, 3, 5, 7];

/** Throws CONFIG_INVALID unless nside is a power of two of at most 2^13. */
export function checkNside(nside: number): void {
  if (Number.isInteger(nside) && nside >= 1 && nside <= LARGEST_NSIDE && (nside & (nside - 1)) === 0) return;
  throw new ArcletError('CONFIG_INVALID', `nside is ${nside}, which is no power of two in 1..${LARGEST_NSIDE}.`, {
    subject: 'nside',
    remedy: 'Give 16, 32, 64, 128 ...',
    data: { nside },
  });
}

/** Bits of a number below 2^13 moved to the even places. */
function spread(value: number): number {
  let bits = value;
  bits = (bits | (bits << 8)) & 0x00ff00ff;
  bits = (bits | (bits << 4)) & 0x0f0f0f0f;
  bits = (bits | (bits << 2)) & 0x33333333;
  return (bits | (bits << 1)) & 0x55555555;
}

/** The even places of a number, moved together. */
function gather(value: number): number {
  let bits = value & 0x55555555;
  bits = (bits | (bits >> 1)) & 0x33333333;
  bits = (bits | (bits >> 2)) & 0x0f0f0f0f;
  bits = (bits | (bits >> 4)) & 0x00ff00ff;
  return (bits | (bits >> 8)) & 0x0000ffff;
}

/** Nested cell of a position. `nside` must pass {@link checkNside}. */
export function ang2pixNest(nside: number, raDeg: number, decDeg: number): number {
  const z = Math.sin((decDeg * Math.PI) / 180);
  const absZ = Math.abs(z);
  const turns = (((raDeg / 90) % 4) + 4) % 4;
  let face: number;
  let x: number;
  let y: number;
  if (absZ <= 2 / 3) {
    const rising = Math.floor(nside * (0.5 + turns) - nside * z * 0.75);
    const falling = Math.floor(nside * (0.5 + turns) + nside * z * 0.75);
    const risingFace = Math.floor(rising / nside);
    const fallingFace = Math.floor(falling / nside);
    face = risingFace === fallingFace ? risingFace | 4 : risingFace < fallingFace ? risingFace : fallingFace + 8;
    x = falling & (nside - 1);
    y = nside - (rising & (nside - 1)) - 1;
  } else {
    const quarter = Math.min(3, Math.floor(turns));
    const within = turns - quarter;
    // Close to the poles 1 - |z| has lost its digits; cos(dec) has not.
    const distance =
      absZ < 0.99 ? nside * Math.sqrt(3 * (1 - absZ)) : nside * Math.cos((decDeg * Math.PI) / 180) * Math.sqrt(3 / (1 + absZ));
    const rising = Math.min(nside - 1, Math.floor(within * distance));
    const falling = Math.min(nside - 1, Math.floor((1 - within) * distance));
    face = z >= 0 ? quarter : quarter + 8;
    x = z >= 0 ? nside - falling - 1 : rising;
    y = z >= 0 ? nside - rising - 1 : falling;
  }
  return face * nside * nside + spread(x) + 2 * spread(y);
}

/** Centre of a nested cell, degrees. */
export function pix2angNest(nside: number, cell: number): { raDeg: number; decDeg: number } {
  const perFace = nside * nside;
  const face = Math.floor(cell / perFace);
  const within = cell - face * perFace;
  const x = gather(within);
  const y = gather(within >> 1);
  const ring = FACE_RING[face] * nside - x - y - 1;
  const cells = ring < nside ? ring : ring > 3 * nside ? 4 * nside - ring : nside;
  const polar = (cells * cells) / (3 * perFace);
  const z = ring < nside ? 1 - polar : ring > 3 * nside ? polar - 1 : ((2 * nside - ring) * 2) / (3 * nside);
  const raw = FACE_LONGITUDE[face] * cells + x - y;
  const eighths = raw < 0 ? raw + 8 * cells : raw;
  // asin(z) loses digits near the poles; there the distance from the pole is exact.
  const decRad = cells < nside ? Math.sign(z) * (Math.PI / 2 - 2 * Math.asin(Math.sqrt(polar / 2))) : Math.asin(z);
  return { raDeg: (45 * eighths) / cells, decDeg: (decRad * 180) / Math.PI };
}
