/** Sections made of what other stages wrote: checks, completeness, run records. What is not there yet is left out. */
import { z } from 'zod';
import { openStore } from '../../../io/store/store.ts';
import { barChart } from '../../../report/charts.ts';
import { withTheme } from '../../../report/charts-theme.ts';
import type { Headline, RunChart, RunSection } from '../../../report/run-page.ts';
import { joinLocation, type LayoutConfig, phaseFolder } from '../layout.ts';

type Verdict = 'go' | 'warn' | 'no-go' | 'skipped';

const CheckFile = z.object({
  checks: z.array(
    z.object({
      name: z.string(),
      verdict: z.enum(['go', 'warn', 'no-go', 'skipped']),
      value: z.union([z.string(), z.number(), z.null()]),
      threshold: z.string(),
      why: z.string(),
    }),
  ),
});
const CompletenessFile = z.object({
  figures: z.array(z.object({ title: z.string(), caption: z.string(), svg: z.string() })),
});
const RunConfigFile = z.object({
  rows: z.number().optional(),
  run: z.record(z.string(), z.unknown()),
});
const RecordFile = z.object({ seconds: z.record(z.string(), z.number()), counts: z.record(z.string(), z.number()) });

/** The text of a file in a folder; undefined when it is not there. */
async function textOf(folder: string, key: string): Promise<string | undefined> {
  const store = await openStore(folder);
  try {
    return (await store.exists(key)) ? new TextDecoder().decode(await store.get(key)) : undefined;
  } finally {
    await store.close();
  }
}

/** JSON of a shape; undefined when the file is not there or is of another version. */
async function jsonOf<T>(schema: z.ZodType<T>, folder: string, key: string): Promise<T | undefined> {
  const text = await textOf(folder, key);
  if (text === undefined) return undefined;
  const parsed = schema.safeParse(JSON.parse(text));
  return parsed.success ? parsed.data : undefined;
}

const ORDER: readonly Verdict[] = ['no-go', 'warn', 'go', 'skipped'];

export async function checkSection(
  layout: LayoutConfig,
  experimentId: string,
): Promise<{ section: RunSection; verdicts: Verdict[] } | undefined> {
  const file = await jsonOf(CheckFile, joinLocation(phaseFolder(layout, 'check'), experimentId), 'check.json');
  if (file === undefined) return undefined;
  const checks = file.checks.toSorted((a, b) => ORDER.indexOf(a.verdict) - ORDER.indexOf(b.verdict));
  const shown = (value: string | number | null) =>
    typeof value === 'number' ? String(Number(value.toPrecision(4))) : (value ?? '–');
  const rows = checks.map(({ name, verdict, value, threshold, why }) => ({
    verdict,
    cells: [name.replaceAll('-', ' '), shown(value), `${threshold}. ${why}`],
  }));
  return {
    section: {
      title: 'Checks',
      text: 'What must hold before anyone trains on this set, each with its threshold and the reason for it.',
      blocks: [{ kind: 'verdicts', head: ['', 'check', 'found', 'wanted, and why'], rows }],
    },
    verdicts: checks.map(({ verdict }) => verdict),
  };
}

/** GO or NO-GO as a headline. */
export function verdictOf(verdicts: readonly Verdict[]): Headline {
  const count = (wanted: Verdict) => verdicts.filter((verdict) => verdict === wanted).length;
  if (count('no-go') > 0) return { value: 'NO-GO', label: `${count('no-go')} checks say no`, tone: 'no-go' };
  const warnings = count('warn');
  return { value: 'GO', label: warnings === 0 ? 'all checks' : `${warnings} warnings`, tone: 'go' };
}

export async function completenessSection(layout: LayoutConfig, experimentId: string): Promise<RunSection | undefined> {
  const folder = joinLocation(phaseFolder(layout, '4d'), experimentId);
  const file = await jsonOf(CompletenessFile, folder, 'completeness.json');
  if (file === undefined) return undefined;
  const charts: RunChart[] = [];
  for (const { title, caption, svg } of file.figures) {
    const text = await textOf(folder, svg);
    if (text !== undefined) charts.push({ title, caption, svg: withTheme(text, 'dark') });
  }
  if (charts.length === 0) return undefined;
  return {
    title: 'Completeness',
    text: 'Share of the injections that would be found, with its interval.',
    blocks: [{ kind: 'charts', charts }],
  };
}

const PARTS: Readonly<Record<string, string>> = {
  read: 'read bricks',
  decode: 'decode tiles',
  upload: 'upload',
  compute: 'render, convolve, reduce',
  readback: 'read back',
  measure: 'measure rows',
  encode_and_write: 'encode and write',
};

/** Where the time of the injection went, from its record; of several shards the first. */
export async function timeSection(
  layout: LayoutConfig,
  experimentId: string,
): Promise<(RunSection & { rate: number | undefined }) | undefined> {
  const folder = phaseFolder(layout, '4c');
  const record = await jsonOf(RecordFile, folder, '_stage_config_inject.json');
  const rows = record?.counts['rows'] ?? 0;
  const wall = record?.seconds['wall'] ?? 0;
  if (record === undefined || rows === 0 || wall === 0) return undefined;
  const parts = Object.entries(PARTS)
    .map(([key, name]) => ({ name, value: record.seconds[key] ?? 0 }))
    .filter(({ value }) => value > 0);
  const svg = await barChart({
    title: '',
    theme: 'dark',
    width: 900,
    height: 240,
    x: { label: 'time', unit: 's' },
    bars: [
      { name: 'all threads', parts },
      { name: 'wall clock', parts: [{ name: 'wall', value: wall }] },
    ],
  });
  return {
    title: 'Where the time went',
    text: `${rows} rows in ${wall.toFixed(1)} s (${experimentId}). Threads work side by side, so their parts add up to more than the wall clock.`,
    blocks: [{ kind: 'charts', charts: [{ title: 'Seconds by part', caption: 'Summed over threads.', svg }] }],
    rate: rows / wall,
  };
}

/** What was run, and by what. */
export async function recordSection(
  layout: LayoutConfig,
  experimentId: string,
): Promise<{ section: RunSection; engine: string | undefined } | undefined> {
  const file = await jsonOf(RunConfigFile, phaseFolder(layout, '4c'), `run_config_${experimentId}.json`);
  if (file === undefined) return undefined;
  const { run } = file;
  const engine = run['engine'] as { backend?: string; adapter?: string | null; reason?: string } | undefined;
  const config = (run['config'] ?? {}) as Record<string, unknown>;
  const given = Object.keys((run['origin'] ?? {}) as Record<string, unknown>);
  const shown = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value)) ?? '';
  const facts: string[][] = [
    ['arclet', shown(run['arclet'])],
    ['started', shown(run['started_utc'])],
    ['engine', `${engine?.backend ?? '–'}: ${engine?.reason ?? ''}`],
    ['config hash', shown(run['config_hash'])],
    ...given.map((key) => [key, shown(config[key])]),
  ];
  return {
    section: {
      title: 'Record',
      text: 'What was asked for; keys that are not here had their defaults. The whole record is in the run_config file beside the stamps.',
      blocks: [{ kind: 'table', head: ['what', 'value'], rows: facts }],
    },
    engine: engine === undefined ? undefined : (engine.adapter ?? 'the CPU'),
  };
}
