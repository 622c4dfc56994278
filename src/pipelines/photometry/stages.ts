/** The commands of `arclet fit`: which parts they run on one field, one after the other. Parts are loaded when they are asked for. */
import { ArcletError } from '../../core/errors.ts';
import { worstOutcome } from '../runner.ts';
import { defineStage, type Failure, type Stage, type StageContext, type StageResult } from '../stage.ts';
import type { AlignedImages } from './align.ts';
import type { FitConfig } from './config.ts';
import type { LoadedField } from './field.ts';

/** What a part leaves: the field for the next one, and what the record and the reader are told. */
export interface PartResult {
  /** The field with what the part found out; its files stay open. */
  readonly field: LoadedField;
  readonly outcome?: StageResult['outcome'];
  readonly counts: Readonly<Record<string, number>>;
  readonly seconds?: Readonly<Record<string, number>>;
  readonly failures?: readonly Failure[];
  readonly outputs: readonly string[];
  readonly summary: readonly string[];
}

/** A part that works on a loaded field. */
export type FieldPart = (context: StageContext, config: FitConfig, field: LoadedField) => Promise<PartResult>;

/** Parts after `load`, in order, and when they run. */
const PARTS: readonly { readonly name: string; runs(config: FitConfig): boolean; load(): Promise<FieldPart> }[] = [
  { name: 'augment', runs: ({ zp }) => zp.enabled, load: async () => (await import('./augment.ts')).augmentField },
  { name: 'epsf', runs: () => true, load: async () => (await import('./epsf.ts')).epsfField },
];

export interface FitCommand {
  readonly name: string;
  /** A few words for the list of commands. */
  readonly words: string;
  /** Undefined where this version does not have it. */
  readonly stage: (() => Stage<FitConfig>) | undefined;
}

/** In the order of the pipeline. */
export const FIT_COMMANDS: readonly FitCommand[] = [
  {
    name: 'run',
    words: 'all that this version has: load, Gaia, effective PSFs; no fits yet',
    stage: () => pipeline('run', RUN_ENDS),
  },
  {
    name: 'run-epsf',
    words: 'load, match Gaia sources (zp.enabled), effective PSFs',
    stage: () => pipeline('run-epsf', () => []),
  },
  { name: 'build-patches', words: 'cut the field into patches', stage: undefined },
  { name: 'build-patch-inputs', words: 'write the inputs of patches', stage: undefined },
  { name: 'run-patches', words: 'fit the patches', stage: undefined },
  { name: 'merge', words: 'merge the catalogues of patches', stage: undefined },
  { name: 'compute-zp', words: 'zero points from Gaia stars', stage: undefined },
];

const RUN_ENDS = ({ outputs }: FitConfig): string[] => [
  `fits come with the next version of arclet: the run ends with the effective PSFs in ${outputs.epsfDir}`,
];

/** Throws USAGE: the command is tract7dt's, and not in this version. */
export function notInThisVersion(name: string): never {
  throw new ArcletError(
    'USAGE',
    `arclet fit ${name} is not in this version: patches, fits and zero points come with the next one.`,
    {
      subject: name,
      remedy:
        'Run `arclet fit run-epsf` up to the effective PSFs; `arclet fit validate` checks the whole config, keys of later commands too.',
    },
  );
}

function pipeline(name: string, ends: (config: FitConfig) => readonly string[]): Stage<FitConfig> {
  return defineStage<FitConfig>({
    name,
    aliases: [],
    summary: 'loads images and catalogue, matches Gaia sources, builds effective PSFs',
    keys: [],
    async run(context, given) {
      const { loadField } = await import('./load.ts');
      let config = given;
      let aligned: AlignedImages | undefined;
      const seconds: Record<string, number> = {};
      const inner: Record<string, unknown> = {};
      const results: PartResult[] = [];
      const timed = async (part: string, work: () => Promise<PartResult>) => {
        checkNotAborted(context.signal, part);
        const begin = performance.now();
        const result = await work();
        seconds[part] = (performance.now() - begin) / 1000;
        inner[part] = result.seconds ?? {};
        results.push(result);
        context.log.info('part', `${part}: ${seconds[part].toFixed(2)} s`, { part, seconds: seconds[part] });
      };
      if (given.resample.enabled) {
        const { alignImages } = await import('./align.ts');
        const begin = performance.now();
        aligned = await alignImages(context, given, (bands) => checkTables(given, bands));
        ({ config } = aligned);
        seconds['resample'] = (performance.now() - begin) / 1000;
        context.log.info('part', `resample: ${seconds['resample'].toFixed(2)} s`, {
          part: 'resample',
          seconds: seconds['resample'],
        });
      }
      try {
        await timed('load', () => loadField(context, config));
        for (const part of PARTS.filter(({ runs }) => runs(config))) {
          const work = await part.load();
          await timed(part.name, () => work(context, config, results[results.length - 1].field));
        }
        await context.record.note({ part_seconds: inner });
      } finally {
        await results.at(-1)?.field.close();
      }
      return {
        outcome: worstOutcome([
          aligned?.failures.length ? 'failed-rows' : 'done',
          ...results.map(({ outcome = 'done' }) => outcome),
        ]),
        counts: Object.assign({}, aligned?.counts, ...results.map(({ counts }) => counts)),
        seconds,
        failures: [...(aligned?.failures ?? []), ...results.flatMap(({ failures = [] }) => failures)].slice(0, MOST_FAILURES),
        outputs: [...(aligned?.outputs ?? []), ...results.flatMap(({ outputs }) => outputs)],
        summary: [...(aligned?.summary ?? []), ...results.flatMap(({ summary }) => summary), ...ends(config)],
      };
    },
  });
}

/** Faults of tables, which need no pixel to be found: resampling takes minutes. */
async function checkTables(config: FitConfig, bands: readonly string[]): Promise<void> {
  const { checkGaia } = await import('./augment/check-gaia.ts');
  const { checkBands, readFieldCatalogue } = await import('./load-catalogue.ts');
  const { inputCatalog } = config.inputs;
  checkBands(inputCatalog, (await readFieldCatalogue(inputCatalog)).bands, bands);
  await checkGaia(config, bands);
}

const MOST_FAILURES = 100;

function checkNotAborted({ aborted, reason }: AbortSignal, part: string): void {
  if (!aborted) return;
  throw new ArcletError('ABORTED', `The run was stopped before ${part}.`, {
    subject: part,
    remedy: 'Run it again.',
    cause: reason,
  });
}
