/** Checks as a table on the terminal, as rows of a page, and as files. */
import { openStore } from '../../../io/store/store.ts';
import type { RunPage, VerdictRow } from '../../../report/run-page.ts';
import { runPage } from '../../../report/run-page.ts';
import { joinLocation } from '../layout.ts';
import { type Check, overall } from './checks.ts';

const WORDS = { go: 'GO', warn: 'WARN', 'no-go': 'NO-GO', skipped: '-' } as const;

/** A line per check, in columns; what is not GO says its threshold, its reason and what was found below. */
export function checkLines(title: string, checks: readonly Check[]): string[] {
  const width = Math.max(...checks.map(({ name }) => name.length));
  const lines = checks.flatMap(({ name, verdict, value, threshold, why, detail }) => {
    const line =
      `  ${WORDS[verdict].padEnd(6)} ${name.padEnd(width)}  ${value ?? (verdict === 'skipped' ? detail : '')}`.trimEnd();
    if (verdict !== 'no-go' && verdict !== 'warn') return [line];
    const indent = ' '.repeat(9);
    return [line, `${indent}threshold: ${threshold}. ${why}`, ...(detail === '' ? [] : [`${indent}${detail}`])];
  });
  return [`${title}: ${WORDS[overall(checks)]}`, ...lines];
}

const GRAVITY = ['no-go', 'warn', 'go', 'skipped'];

/** Rows of a page's table, gravest first. The last cell wraps, so it holds the sentences. */
export function verdictRows(checks: readonly Check[]): VerdictRow[] {
  return checks
    .toSorted((a, b) => GRAVITY.indexOf(a.verdict) - GRAVITY.indexOf(b.verdict))
    .map(({ name, verdict, value, threshold, why, detail }) => ({
      verdict,
      cells: [name, String(value ?? ''), [`${threshold}.`, why, detail].filter((text) => text !== '').join(' ')],
    }));
}

/** Head of the table of {@link verdictRows}. */
export const VERDICT_HEAD = ['verdict', 'check', 'found', 'threshold, why, and what was found'];

/** How many checks have each verdict, for the top of a page. */
export function verdictTiles(checks: readonly Check[]): RunPage['headlines'] {
  const held = (wanted: Check['verdict']) => checks.filter(({ verdict }) => verdict === wanted).length;
  const verdict = overall(checks);
  return [
    { value: WORDS[verdict], label: 'verdict', tone: verdict },
    { value: String(held('no-go')), label: 'no-go', ...(held('no-go') > 0 ? { tone: 'no-go' as const } : {}) },
    { value: String(held('warn')), label: 'warnings', ...(held('warn') > 0 ? { tone: 'warn' as const } : {}) },
    { value: `${held('go')}`, label: 'go', tone: 'go' },
    { value: String(held('skipped')), label: 'skipped' },
  ];
}

/** Writes `<name>.html`, then `<name>.json`: who sees the JSON finds the page. Gives both places. Throws OUTPUT_UNWRITABLE. */
export async function writeReport(folder: string, name: string, json: unknown, html: RunPage): Promise<string[]> {
  const store = await openStore(folder);
  const text = new TextEncoder();
  try {
    await store.put(`${name}.html`, text.encode(runPage(html)));
    await store.put(`${name}.json`, text.encode(`${JSON.stringify(json, null, 1)}\n`));
  } finally {
    await store.close();
  }
  return [joinLocation(folder, `${name}.html`), joinLocation(folder, `${name}.json`)];
}
