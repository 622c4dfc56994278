/** The pixels that a stamps part holds: the survey's own, with the arc, and the counterfactuals of a row. */
import { PhiloxStream } from '../../../core/rng.ts';

type Floats = Float32Array | Float64Array;

/** Stream tag of the shuffle, so that its words are no other draw's. */
const SHUFFLE_STREAM = 0x5348_5546;

/** host + arc into `out`, float32: added in double precision and rounded once; pixels without an arc stay the survey's bits. */
export function addArc(host: Float32Array, arc: Floats | undefined, out: Float32Array): void {
  out.set(host);
  if (arc === undefined) return;
  for (let at = 0; at < out.length; at++) if (arc[at] !== 0) out[at] = host[at] + Math.fround(arc[at]);
}

/**
 * The arc with its light at the same distances from (x, y) but at random azimuths: pixels trade places within rings 1 px wide, the same trades in
 * every band. It keeps the radial profile, the flux and the colours, and is no lens.
 *
 * @param arc [band, y, x] of `bands` planes of size * size
 * @param key of the row; the trades depend on it alone
 */
export function shuffleAzimuth(
  arc: Floats,
  { bands, size, x, y, key }: { bands: number; size: number; x: number; y: number; key: readonly [number, number] },
): Float32Array {
  const pixels = size * size;
  const rings: number[][] = [];
  for (let at = 0; at < pixels; at++) {
    const ring = Math.floor(Math.hypot((at % size) - x, Math.floor(at / size) - y));
    rings[ring] ??= [];
    rings[ring].push(at);
  }
  const stream = new PhiloxStream(key, [0, 0, SHUFFLE_STREAM]);
  const shuffled = new Float32Array(arc.length);
  for (const ring of rings) {
    if (ring === undefined) continue;
    const places = [...ring];
    for (let left = places.length - 1; left > 0; left--) {
      const other = stream.integer(left + 1);
      [places[left], places[other]] = [places[other], places[left]];
    }
    for (let band = 0; band < bands; band++) {
      ring.forEach((from, index) => {
        shuffled[band * pixels + places[index]] = arc[band * pixels + from];
      });
    }
  }
  return shuffled;
}
