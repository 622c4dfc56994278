/**
 * Header cards: 80 characters each, or more with CONTINUE (FITS Standard 4.0, sections 4.1 and 4.2.1.2; HIERARCH: ESO convention,
 * registry of FITS conventions). A parsed card keeps the lines it came from, so that an untouched card is written as it stood.
 */
import { damaged } from './damage.ts';
import { commentOf, type HeaderValue, parseValue, splitString, type ValueType, valueText } from './value.ts';

export const CARD = 80;

export interface Card {
  /** As written, without HIERARCH; '' for a blank keyword. */
  readonly keyword: string;
  /** Type of the value; commentary cards (COMMENT, HISTORY, blank, and lines without a value indicator) have none. */
  readonly type: ValueType | 'commentary';
  /** Commentary: the text. Undefined for a value field that is blank or cannot be read. */
  readonly value: HeaderValue | undefined;
  readonly comment: string;
  /** The lines as they stand in the file, 80 characters each. */
  readonly records: readonly string[];
  /** Why the value cannot be read. */
  readonly problem?: string;
}

/** A card to be written. */
export interface NewCard {
  /** Longer than 8 characters, or with blanks or small letters: written by the HIERARCH convention. */
  readonly keyword: string;
  readonly value?: HeaderValue;
  readonly comment?: string;
  /** 'float' writes 2 as 2.0. */
  readonly type?: ValueType;
}

const COMMENTARY = new Set(['COMMENT', 'HISTORY', '', 'CONTINUE', 'END']);

/** Splits a line into keyword and value field; the field is undefined for commentary. */
function splitLine(line: string): { keyword: string; field: string | undefined } {
  const head = line.slice(0, 8).trimEnd();
  if (COMMENTARY.has(head.toUpperCase())) return { keyword: head.toUpperCase(), field: undefined };
  if (head === 'HIERARCH' && line[8] === ' ') {
    const equals = line.indexOf('=');
    if (equals > 9) return { keyword: line.slice(9, equals).trim(), field: line.slice(equals + 1) };
  }
  // An indicator left of column 9 is a fault that astropy mends in the same way.
  const equals = line.indexOf('= ');
  if (equals > 0 && equals <= 8) return { keyword: line.slice(0, equals).trim(), field: line.slice(equals + 2) };
  return { keyword: head, field: undefined };
}

/** Reads the cards of a header given as lines of 80 characters (without END). Never throws: a bad value is a card with a `problem`. */
export function parseCards(lines: readonly string[]): Card[] {
  const cards: Card[] = [];
  for (let at = 0; at < lines.length; at++) {
    const { keyword, field } = splitLine(lines[at]);
    if (field === undefined) {
      cards.push({ keyword, type: 'commentary', value: lines[at].slice(8).trimEnd(), comment: '', records: [lines[at]] });
      continue;
    }
    const parsed = parseValue(field);
    if (parsed.type !== 'string' || typeof parsed.value !== 'string' || !parsed.value.endsWith('&')) {
      cards.push({ keyword, ...parsed, records: [lines[at]] });
      continue;
    }
    const card = continued(keyword, parsed.value, parsed.comment, lines, at);
    at += card.records.length - 1;
    cards.push(card);
  }
  return cards;
}

/** A string that ends in & with the CONTINUE lines after it; without any, the & belongs to the text. */
function continued(keyword: string, first: string, firstComment: string, lines: readonly string[], at: number): Card {
  const pieces = [first];
  const comments = [firstComment];
  let end = at + 1;
  while (end < lines.length && pieces[pieces.length - 1].endsWith('&') && lines[end].startsWith('CONTINUE  ')) {
    const next = splitString(lines[end].slice(10));
    if (next === undefined) break;
    pieces[pieces.length - 1] = pieces[pieces.length - 1].slice(0, -1);
    pieces.push(next.text.trimEnd());
    comments.push(commentOf(next.rest));
    end++;
  }
  const comment = comments.filter((text) => text !== '').join(' ');
  return { keyword, type: 'string', value: pieces.join('').trimEnd(), comment, records: lines.slice(at, end) };
}

/** Keyword and indicator as they start a line. */
function prefixOf(keyword: string): string {
  if (/^[A-Z0-9_-]{1,8}$/.test(keyword)) return `${keyword.padEnd(8)}= `;
  if (!/^[!-<>-~][ -<>-~]*$/.test(keyword)) throw damaged(`card '${keyword}'`, 'its keyword is not printable ASCII without =');
  return `HIERARCH ${keyword} = `;
}

/**
 * The lines of a card, 80 characters each. A string longer than a line goes on in CONTINUE lines, and takes a long comment with it; the
 * comment of any other value is cut at the line's end. COMMENT, HISTORY and blank keywords are split over as many lines as they need.
 *
 * @throws INPUT_INVALID when the keyword or text is not ASCII, the number is not finite, or a number does not fit beside its keyword.
 */
export function formatCard({ keyword, value, comment = '', type }: NewCard): string[] {
  if (!/^[ -~]*$/.test(comment) || (typeof value === 'string' && !/^[ -~]*$/.test(value)))
    throw damaged(`card ${keyword}`, 'its text is not printable ASCII', undefined, 'Spell the text in ASCII.');
  if (keyword === 'COMMENT' || keyword === 'HISTORY' || keyword === '') {
    const text = String(value ?? '');
    return Array.from({ length: Math.max(1, Math.ceil(text.length / 72)) }, (_, line) =>
      (keyword.padEnd(8) + text.slice(72 * line, 72 * (line + 1))).padEnd(CARD),
    );
  }
  const prefix = prefixOf(keyword);
  if (typeof value === 'string') return stringLines(keyword, prefix, value, comment);
  const text = valueText(value, type);
  if (text === undefined)
    throw damaged(`card ${keyword}`, `its value ${String(value)} is not finite, and FITS has no such number`);
  const line = prefix + (prefix.startsWith('HIERARCH') ? text : text.padStart(20));
  if (line.length > CARD) throw damaged(`card ${keyword}`, `keyword and value take ${line.length} characters of ${CARD}`);
  return [(comment === '' ? line : `${line} / ${comment}`).slice(0, CARD).padEnd(CARD)];
}

function stringLines(keyword: string, prefix: string, value: string, comment: string): string[] {
  const quoted = value.replaceAll("'", "''");
  const short = `${prefix}${`'${quoted.padEnd(8)}'`.padEnd(prefix.startsWith('HIERARCH') ? 0 : 20)}`;
  const whole = comment === '' ? short.trimEnd() : `${short} / ${comment}`;
  // The comment of a mandatory keyword is never worth a CONTINUE: those must stand on one line.
  if (whole.length <= CARD || (short.trimEnd().length <= CARD && keyword === 'XTENSION'))
    return [whole.slice(0, CARD).padEnd(CARD)];
  if (CARD - prefix.length < 4) throw damaged(`card ${keyword}`, `its keyword leaves no room for a string`);
  const lines: string[] = [];
  let rest = value;
  let words = comment;
  for (let start = prefix; ; start = 'CONTINUE  ') {
    const piece = fitting(rest, CARD - start.length - 3);
    rest = rest.slice(piece.length);
    const string = `${start}'${piece.replaceAll("'", "''")}`;
    if (rest !== '') {
      lines.push(`${string}&'`.padEnd(CARD));
      continue;
    }
    const room = CARD - string.length - 5;
    const said = wordsWithin(words, room);
    words = words.slice(said.length).trimStart();
    lines.push(`${string}${words === '' ? '' : '&'}'${said === '' ? '' : ` / ${said}`}`.padEnd(CARD));
    if (words === '') return lines;
  }
}

/** As many whole words as fit, or what fits of a word longer than a line. */
function wordsWithin(text: string, room: number): string {
  if (room <= 0 || text.length <= room) return room <= 0 ? '' : text;
  const blank = text.lastIndexOf(' ', room);
  return text.slice(0, blank > 0 ? blank : room);
}

/** The longest start of `text` that takes at most `room` characters when its quotes are doubled. */
function fitting(text: string, room: number): string {
  let used = 0;
  let length = 0;
  while (length < text.length) {
    used += text[length] === "'" ? 2 : 1;
    if (used > room) break;
    length++;
  }
  return text.slice(0, length);
}
