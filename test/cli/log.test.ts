import { describe, expect, it } from 'vitest';
import { createLog } from '../../src/cli/log.ts';
import { short, table } from '../../src/cli/table.ts';
import { ArcletError } from '../../src/core/errors.ts';

function logTo(isTTY: boolean, json = false) {
  const lines: string[] = [];
  let now = 0;
  const log = createLog({ json, debug: false, clock: () => now, stream: { isTTY, write: (text: string) => lines.push(text) } });
  return {
    log,
    lines,
    at: (seconds: number) => {
      now = 1000 * seconds;
    },
  };
}

describe('progress', () => {
  it('beats every ten seconds where there is no terminal, and says nothing of short work', () => {
    const { log, lines, at } = logTo(false);
    for (let second = 0; second <= 25; second++) {
      at(second);
      log.progress('rendering rows', 10 * second, 1000);
    }
    expect(lines).toEqual(['rendering rows: 100 of 1000, 10 per second\n', 'rendering rows: 200 of 1000, 10 per second\n']);
    const quick = logTo(false);
    quick.at(2);
    quick.log.progress('rendering rows', 5, 5);
    expect(quick.lines).toEqual([]);
  });

  it('redraws one line on a terminal, at most ten times a second, and leaves the last', () => {
    const { log, lines, at } = logTo(true);
    for (const [seconds, done] of [[1, 1], [1.05, 2], [2, 3], [2.01, 4]] as const) {
      at(seconds);
      log.progress('rows', done, 4);
    } // biome-ignore format: pairs
    expect(lines.join('')).toBe(
      'rows: 1 of 4, 1.0 per second\r\x1b[Krows: 3 of 4, 1.5 per second\r\x1b[Krows: 4 of 4, 2.0 per second\n',
    );
  });

  it('counts the rate of each work from its own beginning', () => {
    const { log, lines, at } = logTo(false);
    at(20);
    log.progress('fetching', 40, 100);
    at(30);
    log.progress('drawing', 0, 100);
    at(40);
    log.progress('drawing', 50, 100);
    expect(lines).toEqual(['fetching: 40 of 100, 2.0 per second\n', 'drawing: 50 of 100, 5.0 per second\n']);
  });

  it('clears the line before a message', () => {
    const { log, lines, at } = logTo(true);
    at(1);
    log.progress('rows', 1, undefined);
    log.info('device', 'lost');
    expect(lines.join('')).toBe('rows: 1, 1.0 per second\r\x1b[Klost\n');
  });
});

describe('errors', () => {
  it('are one sentence with a remedy and the status of their code', () => {
    const { log, lines } = logTo(false);
    expect(log.error(new ArcletError('BANK_EMPTY', 'The bank is empty.', { remedy: 'Fill it.' }))).toBe(3);
    expect(lines.join('')).toBe('arclet: The bank is empty.\n        Fill it.\n');
  });

  it('that nobody foresaw ask for a report', () => {
    const { log, lines } = logTo(false);
    expect(log.error(new TypeError('x is not a function'))).toBe(4);
    expect(lines.join('')).toMatch(/x is not a function\n.*--debug/);
  });
});

describe('tables', () => {
  it('set numbers to the right and words to the left', () => {
    expect(table(['kernel', 'ms'], [['lens-maps', '9.5'], ['make-psf', '12']])).toBe('kernel      ms\n---------  ---\nlens-maps  9.5\nmake-psf    12'); // biome-ignore format: a picture
    expect([1234567, 23456, 12.3456].map(short)).toEqual(['1.23M', '23.5k', '12.3']);
  });
});
