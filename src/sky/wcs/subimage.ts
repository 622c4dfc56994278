/**
 * The header of a part of an image, or of the image binned: which keywords change so that every pixel keeps its place on the sky, in
 * all alternate descriptions. The edits are returned, so that a writer can leave the other cards untouched.
 */
import { ArcletError } from '../../core/errors.ts';
import { type HeaderLike, HeaderReader, type HeaderValue, viewHeader } from './header.ts';

export interface HeaderEdits {
  /** Keywords to set. */
  set: Map<string, number>;
  /** Keywords that are no longer true. */
  remove: string[];
  /** What was lost, one sentence each. */
  notes: string[];
}

/** Only the first two pixel axes are cut and binned. */
const AXES = [1, 2] as const;

/** Suffixes ('' and letters) of the descriptions that say anything about a pixel axis. */
function alternates(reader: HeaderReader, axis: number): string[] {
  const pattern = new RegExp(`^(?:(?:CTYPE|CRPIX|CRVAL|CDELT)${axis}|(?:CD|PC)\\d+_${axis})([A-Z]?)$`);
  const found = new Set<string>();
  for (const name of reader.names) {
    const match = pattern.exec(name);
    if (match) found.add(match[1]);
  }
  return [...found];
}

/** Distortion tables are laid out in pixels of the uncut image, in extensions that a header edit cannot reach. */
function dropLookups(reader: HeaderReader, edits: HeaderEdits): void {
  const lookups = [...reader.names].filter((name) =>
    /^(?:D2IMDIS|D2IMERR|CPDIS|CPERR)\d+$|^(?:D2IM|DP)\d+(?:\.|$)|^(?:D2IMEXT|NPOLEXT|AXISCORR)$/.test(name),
  );
  if (lookups.length === 0) return;
  edits.remove.push(...lookups);
  edits.notes.push(
    `Distortion tables are dropped (${lookups.filter((name) => /DIS\d/.test(name)).join(', ')}): they belong to the whole image.`,
  );
}

function begin(header: HeaderLike): { reader: HeaderReader; edits: HeaderEdits } {
  const reader = new HeaderReader(header);
  const edits: HeaderEdits = { set: new Map(), remove: [], notes: [] };
  dropLookups(reader, edits);
  return { reader, edits };
}

/** Applies old -> new where the keyword is there. */
function change(reader: HeaderReader, edits: HeaderEdits, key: string, map: (value: number) => number): void {
  const value = reader.number(key);
  if (value !== undefined) edits.set.set(key, map(value));
}

/**
 * Edits for the part of `width` x `height` pixels whose first pixel is (x0, y0), 0-based; it may reach beyond the image. CRPIX of every
 * description, the IRAF physical system (LTVi) and the plate origin of DSS images (CNPIXi) move; SIP, TPV and matrices stay as they are.
 * Throws INPUT_INVALID when the numbers are no integers or the part is empty.
 */
export function cutHeader(header: HeaderLike, x0: number, y0: number, width: number, height: number): HeaderEdits {
  const origin = [x0, y0];
  const size = [width, height];
  if (![...origin, ...size].every(Number.isInteger) || width < 1 || height < 1) {
    throw new ArcletError('INPUT_INVALID', `A part of ${width} x ${height} pixels at (${x0}, ${y0}) cannot be cut.`, {
      subject: 'cutHeader',
      remedy: 'Give integers, width and height at least 1.',
    });
  }
  const { reader, edits } = begin(header);
  for (const axis of AXES) {
    const shift = origin[axis - 1];
    edits.set.set(`NAXIS${axis}`, size[axis - 1]);
    for (const a of alternates(reader, axis)) edits.set.set(`CRPIX${axis}${a}`, (reader.number(`CRPIX${axis}${a}`) ?? 0) - shift);
    change(reader, edits, `LTV${axis}`, (value) => value - shift);
    change(reader, edits, `CNPIX${axis}`, (value) => value + shift);
  }
  return edits;
}

/**
 * Edits for the image binned by `factor` along both axes, bins starting at the first pixel and incomplete ones dropped. CRPIX, CD or
 * CDELT and PC, SIP (A_p_q scales with factor^(p+q-1)), LTV/LTM and plate pixels change; TPV, being in degrees, stays. Throws INPUT_INVALID
 * for a factor below 1 or an image smaller than one bin.
 */
export function binHeader(header: HeaderLike, factor: number): HeaderEdits {
  if (!(Number.isInteger(factor) && factor >= 1)) {
    throw new ArcletError('INPUT_INVALID', `A binning factor of ${factor} is not a positive integer.`, {
      subject: 'binHeader',
      remedy: 'Give 1, 2, 3 ...',
    });
  }
  const { reader, edits } = begin(header);
  const centre = (value: number): number => (value - 0.5) / factor + 0.5;
  for (const axis of AXES) {
    const length = reader.integer(`NAXIS${axis}`, 0, Number.MAX_SAFE_INTEGER);
    if (length !== undefined) {
      if (length < factor) {
        throw new ArcletError('INPUT_INVALID', `NAXIS${axis} = ${length} is less than one bin of ${factor} pixels.`, {
          subject: `NAXIS${axis}`,
          remedy: 'Give a smaller factor.',
        });
      }
      edits.set.set(`NAXIS${axis}`, Math.floor(length / factor));
    }
    for (const a of alternates(reader, axis)) binDescription(reader, edits, axis, a, factor, centre);
    change(reader, edits, `LTV${axis}`, centre);
    for (const other of AXES) change(reader, edits, `LTM${axis}_${other}`, (value) => value / factor);
    change(reader, edits, `CNPIX${axis}`, (value) => value / factor);
  }
  change(reader, edits, 'XPIXELSZ', (value) => value * factor);
  change(reader, edits, 'YPIXELSZ', (value) => value * factor);
  binSip(reader, edits, factor);
  return edits;
}

function binDescription(
  reader: HeaderReader,
  edits: HeaderEdits,
  axis: number,
  a: string,
  factor: number,
  centre: (value: number) => number,
): void {
  edits.set.set(`CRPIX${axis}${a}`, centre(reader.number(`CRPIX${axis}${a}`) ?? 0));
  const names = [...reader.names];
  const isCd = names.some((name) => new RegExp(`^CD\\d+_\\d+${a}$`).test(name));
  if (isCd) {
    // The column of the pixel axis; every world axis that depends on it.
    for (const name of names)
      if (new RegExp(`^CD\\d+_${axis}${a}$`).test(name)) change(reader, edits, name, (value) => value * factor);
    return;
  }
  // CDELTi PCi_j: the world axis of the same number takes the factor, the terms that couple it to unbinned axes give it back.
  edits.set.set(`CDELT${axis}${a}`, (reader.number(`CDELT${axis}${a}`) ?? 1) * factor);
  for (const name of names) {
    const match = /^PC(\d+)_(\d+)([A-Z]?)$/.exec(name);
    if (!match || match[3] !== a) continue;
    const [i, j] = [Number(match[1]), Number(match[2])];
    if (i === axis && j > 2) change(reader, edits, name, (value) => value / factor);
    if (j === axis && i > 2) change(reader, edits, name, (value) => value * factor);
  }
}

function binSip(reader: HeaderReader, edits: HeaderEdits, factor: number): void {
  for (const name of reader.names) {
    const match = /^(?:A|B|AP|BP)_(\d)_(\d)$/.exec(name);
    if (match) change(reader, edits, name, (value) => value * factor ** (Number(match[1]) + Number(match[2]) - 1));
    else if (/^[AB]_DMAX$/.test(name)) change(reader, edits, name, (value) => value / factor);
  }
}

/** The header with edits applied, as a plain map (cards, comments and order are the business of a FITS writer). */
export function applyEdits(header: HeaderLike, edits: HeaderEdits): Map<string, HeaderValue> {
  const view = viewHeader(header);
  const removed = new Set(edits.remove);
  const result = new Map<string, HeaderValue>();
  for (const key of view.keys()) if (!removed.has(key)) result.set(key, view.get(key));
  for (const [key, value] of edits.set) result.set(key, value);
  return result;
}
