/** Rows of the manifest become pixels and metrics: cut, prepared, drawn, measured. A bad row becomes a row with its reason. */
import type { TemplateBank } from '../../../../kernels/source-struct.ts';
import { isArcletError } from '../../../core/errors.ts';
import type { Engine } from '../../../engine/face.ts';
import type { InjectionBank } from '../bank/open.ts';
import { templateIndex } from '../bank/template-index.ts';
import { TILE_UNREADABLE } from '../bricks/cutouts.ts';
import type { BrickReader } from '../bricks/reader.ts';
import type { Task } from '../columns.ts';
import { type CutRow, type CutTimings, cutRows } from './cut-rows.ts';
import { type Arc, type ArcJob, ArcPainter } from './draw-arcs.ts';
import { emptyMetrics, type MetricsRow, measureRow } from './measure-row.ts';
import { type PreparedTask, prepareTask, type TaskSurroundings } from './prepare-task.ts';
import type { Recipe } from './recipe.ts';

export interface InjectedRow {
  readonly cut: CutRow;
  readonly metrics: MetricsRow;
  /** Undefined where nothing was injected. */
  readonly arc?: Arc;
  /** The source without its lens, where that plane is asked for. */
  readonly unlensed?: Arc;
}

export interface InjectorOptions {
  readonly engine: Engine;
  readonly recipe: Recipe;
  readonly reader: BrickReader;
  /** Needed for source_mode template. */
  readonly bank?: InjectionBank;
}

/** Seconds of all threads together, so the parts may add up to more than the wall time. */
export interface InjectorTimings extends CutTimings {
  measureSeconds: number;
}

/** Errors that may be one row's fault; a failing device or a stop is not. */
const OF_A_ROW = ['INPUT_INVALID', 'ROWS_INVALID', 'SOURCE_LARGER_THAN_STAMP', 'WORKER_FAILED'] as const;

/** Key of a row's random numbers: the 64 bits that the manifest froze. */
export function taskKey(task: Task): readonly [number, number] {
  const bits = BigInt.asUintN(64, task.task_seed64);
  return [Number(bits & 0xffffffffn), Number(bits >> 32n)];
}

interface Draft {
  readonly cut: CutRow;
  failure: string | undefined;
  templateIndex?: number;
  prepared?: PreparedTask;
  arc?: Arc;
  unlensed?: Arc;
}

export class Injector {
  readonly timings: InjectorTimings = { bytes: 0, tiles: 0, readSeconds: 0, decodeSeconds: 0, measureSeconds: 0 };
  readonly painter: ArcPainter;
  readonly #options: InjectorOptions;
  readonly #empty: MetricsRow;

  constructor(options: InjectorOptions) {
    this.#options = options;
    this.painter = new ArcPainter(options.engine, options.recipe);
    this.#empty = emptyMetrics(options.recipe);
  }

  /** Rows in the order of the tasks. A row's numbers depend on its task and its brick alone. */
  async inject(tasks: readonly Task[]): Promise<InjectedRow[]> {
    const { recipe, reader } = this.#options;
    const cuts = await cutRows(reader, tasks, this.timings);
    const drafts: Draft[] = cuts.map((cut) => ({ cut, failure: failureOf(recipe, cut) }));
    const sizes = new Set(tasks.map(({ stamp_size }) => stamp_size));
    for (const size of sizes) await this.#drawSize(drafts, size);
    const begin = performance.now();
    const rows = drafts.map((draft) => this.#finish(draft));
    this.timings.measureSeconds += (performance.now() - begin) / 1000;
    return rows;
  }

  #finish({ cut, failure, prepared, arc, unlensed, templateIndex: index }: Draft): InjectedRow {
    const drawn = prepared !== undefined && arc !== undefined ? { prepared, arc } : undefined;
    const metrics = measureRow(this.#options.recipe, { cut, drawn, failure, templateIndex: index }, this.#empty);
    return { cut, metrics, arc, unlensed };
  }

  async #drawSize(all: readonly Draft[], size: number): Promise<void> {
    const { recipe } = this.#options;
    const drafts = all.filter(
      ({ cut, failure }) => cut.task.stamp_size === size && cut.task.is_control !== 1 && failure === undefined,
    );
    const templates = await this.#templates(drafts);
    const jobs: { draft: Draft; job: ArcJob }[] = [];
    for (const draft of drafts) {
      if (draft.failure !== undefined) continue;
      const { cut } = draft;
      try {
        const around: TaskSurroundings = {
          size,
          hostX: cut.hostX,
          hostY: cut.hostY,
          psfsize: cut.psfsize,
          template: templates?.of(draft),
        };
        draft.prepared = prepareTask(recipe, cut.task, around);
        jobs.push({ draft, job: jobOf(recipe, cut, draft.prepared) });
      } catch (error) {
        draft.failure = reasonOf(error);
      }
    }
    await this.#paint(jobs, size, templates?.bank);
  }

  /** Draws all; when that fails for a reason that may be one row's, each alone, so that only the bad one fails. */
  async #paint(jobs: readonly { draft: Draft; job: ArcJob }[], size: number, bank: TemplateBank | undefined): Promise<void> {
    if (jobs.length === 0) return;
    const { planes } = this.#options.recipe;
    try {
      const list = jobs.map(({ job }) => job);
      const arcs = await this.painter.draw(list, size, bank);
      const unlensed = planes.includes('unlensed') ? await this.painter.drawUnlensed(list, size, bank) : undefined;
      jobs.forEach(({ draft }, index) => {
        draft.arc = arcs[index];
        draft.unlensed = unlensed?.[index];
      });
    } catch (error) {
      if (!OF_A_ROW.some((code) => isArcletError(error, code))) throw error;
      if (jobs.length === 1) {
        jobs[0].draft.failure = reasonOf(error);
        return;
      }
      const middle = jobs.length >> 1;
      await this.#paint(jobs.slice(0, middle), size, bank);
      await this.#paint(jobs.slice(middle), size, bank);
    }
  }

  /** The templates of these rows as one small bank. Rows whose template cannot be used get their reason. */
  async #templates(
    drafts: readonly Draft[],
  ): Promise<{ bank: TemplateBank; of: (draft: Draft) => TaskSurroundings['template'] } | undefined> {
    const { bank, recipe } = this.#options;
    if (recipe.sourceMode !== 'template' || bank === undefined) return undefined;
    for (const draft of drafts)
      draft.templateIndex = templateIndex(draft.cut.task.task_id, recipe.template.salt, bank.count, recipe.template.hash);
    const wanted = [...new Set(drafts.map((draft) => draft.templateIndex as number))].sort((a, b) => a - b);
    const images = await bank.images(wanted).catch(() => undefined);
    const bad = new Map<number, string>();
    let good = wanted;
    if (images === undefined) {
      for (const index of wanted) await bank.images([index]).catch((error) => bad.set(index, reasonOf(error)));
      good = wanted.filter((index) => !bad.has(index));
      for (const draft of drafts) draft.failure ??= bad.get(draft.templateIndex as number);
    }
    const local: TemplateBank = { images: images ?? (await bank.images(good)), side: bank.side };
    const places = new Map(good.map((index, place) => [index, place]));
    const pixscaleArcsec = recipe.template.pixscaleArcsec ?? bank.pixscaleArcsec ?? DEFAULT_TEMPLATE_PIXSCALE;
    return {
      bank: good.length === 0 ? { images: new Float32Array(1), side: 1 } : local,
      of: (draft) => ({ bank: local, index: places.get(draft.templateIndex as number) as number, pixscaleArcsec }),
    };
  }
}

/** Of COSMOS banks, arcsec. */
const DEFAULT_TEMPLATE_PIXSCALE = 0.03;

function jobOf(recipe: Recipe, cut: CutRow, { row }: PreparedTask): ArcJob {
  const centre = (cut.task.stamp_size - 1) / 2;
  return {
    row,
    pixels: cut,
    lensX: row.lens.x / recipe.pixscaleArcsec + centre,
    lensY: row.lens.y / recipe.pixscaleArcsec + centre,
    key: taskKey(cut.task),
  };
}

function reasonOf(error: unknown): string {
  if (isArcletError(error)) return `${error.code}: ${error.message}`;
  throw error;
}

/** Why a row's pixels cannot be used; undefined when they can. */
function failureOf(recipe: Recipe, cut: CutRow): string | undefined {
  if (cut.failed !== undefined) return cut.failed;
  if (!cut.inside) return `OUTSIDE_BRICK: ${cut.reason ?? 'the stamp is not fully inside its brick.'}`;
  // A damaged file is to be mended; pixels that the survey itself has as NaN are not.
  if (cut.reason?.startsWith(TILE_UNREADABLE) === true) return `INPUT_INVALID: ${cut.reason}`;
  if (!cut.finite) return `NOT_FINITE: ${cut.reason ?? 'the image or its inverse variance has pixels that are not finite.'}`;
  const pixels = cut.mask.length;
  const dark = recipe.bands.filter(
    (_, band) => !cut.invvar.subarray(band * pixels, (band + 1) * pixels).some((weight) => weight > 0),
  );
  return dark.length === 0 ? undefined : `NO_COVERAGE: no pixel of band ${dark.join(', ')} was observed.`;
}
