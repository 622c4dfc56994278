/** Records of a CSV file (RFC 4180), from chunks of bytes. */

/** One field. A quoted empty field is an empty text, an unquoted one a missing value. */
export interface Field {
  readonly text: string;
  readonly quoted: boolean;
}

export interface CsvRecord {
  readonly fields: readonly Field[];
  /** Line of the file on which it starts, from 1. */
  readonly line: number;
}

/** A quote that is never closed would otherwise make a record of the whole file. */
const LONGEST_RECORD = 2 ** 24;

/**
 * Yields records as they are complete. Blank lines are skipped, and lines that start with # before the first record.
 * Throws an Error with the line where a quote is not closed, text follows a closing quote, or the bytes are not UTF-8.
 */
export async function* recordsOf(chunks: AsyncIterable<Uint8Array>, separator: string): AsyncGenerator<CsvRecord> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const decode = (bytes?: Uint8Array) => {
    try {
      return bytes === undefined ? decoder.decode() : decoder.decode(bytes, { stream: true });
    } catch {
      throw new Error(`the text near line ${line} is not UTF-8`);
    }
  };
  let rest = '';
  let line = 1;
  let isFirst = true;
  const take = function* (text: string, isLast: boolean): Generator<CsvRecord> {
    let at = 0;
    for (;;) {
      const record = readRecord(text, at, separator, isLast, line);
      if (record === undefined) break;
      const isBlank = record.fields.length === 1 && record.fields[0].text === '' && !record.fields[0].quoted;
      const isComment = isFirst && !record.fields[0].quoted && record.fields[0].text.startsWith('#');
      if (!isBlank && !isComment) {
        isFirst = false;
        yield { fields: record.fields, line };
      }
      line += record.lines;
      at = record.next;
    }
    rest = text.slice(at);
    if (rest.length > LONGEST_RECORD) throw new Error(`the record on line ${line} has more than ${LONGEST_RECORD} characters`);
  };
  for await (const chunk of chunks) yield* take(rest + decode(chunk), false);
  yield* take(rest + decode(), true);
}

/** The record at `at` with the position after it; undefined where the text ends first. */
function readRecord(
  text: string,
  at: number,
  separator: string,
  isLast: boolean,
  line: number,
): { fields: Field[]; next: number; lines: number } | undefined {
  if (at >= text.length) return undefined;
  const fields: Field[] = [];
  for (let position = at; ; ) {
    if (text[position] === '"') {
      const closed = readQuoted(text, position, isLast, line);
      if (closed === undefined) return undefined;
      fields.push({ text: closed.text, quoted: true });
      position = closed.next;
    } else {
      const start = position;
      while (position < text.length && text[position] !== separator && text[position] !== '\n' && text[position] !== '\r')
        position++;
      fields.push({ text: text.slice(start, position), quoted: false });
    }
    const next = text[position];
    if (next === separator) {
      position++;
      continue;
    }
    // A carriage return may be half of a line end whose other half is in the next chunk.
    const isOpen = next === undefined || (next === '\r' && text[position + 1] === undefined);
    if (isOpen && !isLast) return undefined;
    if (next !== undefined && next !== '\n' && next !== '\r') throw new Error(`text follows a closing quote on line ${line}`);
    const end = next === '\r' && text[position + 1] === '\n' ? position + 2 : position + (next === undefined ? 0 : 1);
    return { fields, next: end, lines: countLines(text, at, end) };
  }
}

/** A quoted field: doubled quotes are one, line ends are kept. */
function readQuoted(text: string, at: number, isLast: boolean, line: number): { text: string; next: number } | undefined {
  for (let position = at + 1; ; ) {
    const quote = text.indexOf('"', position);
    if (quote < 0 || (!isLast && quote === text.length - 1)) {
      if (isLast) throw new Error(`a quote opened on line ${line} is not closed`);
      return undefined;
    }
    if (text[quote + 1] !== '"') return { text: text.slice(at + 1, quote).replaceAll('""', '"'), next: quote + 1 };
    position = quote + 2;
  }
}

/** Line ends LF, CR LF and CR. */
function countLines(text: string, from: number, to: number): number {
  let count = 0;
  for (let at = from; at < to; at++) if (text[at] === '\n' || (text[at] === '\r' && text[at + 1] !== '\n')) count++;
  return count;
}
