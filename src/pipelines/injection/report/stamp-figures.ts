/** Figures of single rows: the host as the survey saw it, the same with the arc, and the arc with its critical curve and caustics. */
import { pngDataUrl } from '../../../io/png.ts';
import { colourStamp, type Plane, stretchFor } from '../../../io/stretch.ts';
import type { Curve, GalleryFigure } from '../../../report/gallery-page.ts';
import { causticCurves } from '../../../sky/lensing/caustics.ts';
import { type DatasetPart, openDataset } from '../../dataset.ts';
import { PLANES, type PlaneName, type Task } from '../columns.ts';
import { prepareTask } from '../inject/prepare-task.ts';
import type { Recipe } from '../inject/recipe.ts';
import type { SampledRow } from './sample.ts';

/** A row of the stamps with the planes that are there, each [band] of [y, x]. */
interface StampRow {
  readonly row: SampledRow;
  readonly planes: Readonly<Partial<Record<PlaneName, Float32Array[]>>>;
}

/** Reads the stamps of these tasks; row groups without one of them are passed over. */
async function readStamps(location: string, ids: ReadonlySet<string>, bands: readonly string[]): Promise<StampRow[]> {
  const dataset = await openDataset(location);
  const found: StampRow[] = [];
  try {
    for (const part of dataset.parts) {
      if (found.length === ids.size) break;
      await dataset.withPart(part, async (table) => {
        const names = table.schema.columns.map(({ name }) => name);
        for (let group = 0; group < table.rowGroups.length && found.length < ids.size; group++) {
          const { columns } = await table.readRowGroup(group, ['task_id']);
          const taskIds = columns['task_id'] as readonly string[];
          if (!taskIds.some((id) => ids.has(id))) continue;
          const batch = await table.readRowGroup(group);
          taskIds.forEach((id, index) => {
            if (ids.has(id)) found.push(stampRow(batch.columns, names, batch.rows, index, bands, part.partitions));
          });
        }
      });
    }
  } finally {
    await dataset.close();
  }
  return found;
}

function stampRow(
  columns: Readonly<Record<string, unknown>>,
  names: readonly string[],
  rows: number,
  index: number,
  bands: readonly string[],
  partitions: DatasetPart['partitions'],
): StampRow {
  const planes: Partial<Record<PlaneName, Float32Array[]>> = {};
  const pixelColumns = new Set<string>();
  for (const [plane, prefix] of Object.entries(PLANES) as [PlaneName, string][]) {
    const own = bands.map((band) => `${prefix}_${band}`);
    for (const name of own) pixelColumns.add(name);
    if (!own.every((name) => names.includes(name))) continue;
    planes[plane] = own.map((name) => {
      const values = columns[name] as Float32Array;
      const pixels = values.length / rows;
      return values.slice(index * pixels, (index + 1) * pixels);
    });
  }
  const scalars = names.filter((name) => !pixelColumns.has(name));
  const row = Object.fromEntries(scalars.map((name) => [name, (columns[name] as ArrayLike<never>)[index]]));
  return { row: { ...row, ...partitions }, planes };
}

/** Rows spread over the signal-to-noise of their arcs, brightest first. */
export function chooseRows(rows: readonly SampledRow[], count: number): string[] {
  const drawn = rows
    .filter((row) => row['is_control'] !== 1 && row['cutout_ok'] === 1 && typeof row['arc_snr_mf'] === 'number')
    .sort((a, b) => Number(b['arc_snr_mf']) - Number(a['arc_snr_mf']) || (String(a['task_id']) < String(b['task_id']) ? -1 : 1));
  const step = Math.max(1, (drawn.length - 1) / Math.max(1, count - 1));
  const places = new Set(Array.from({ length: Math.min(count, drawn.length) }, (_, index) => Math.round(index * step)));
  return [...places].filter((place) => place < drawn.length).map((place) => String(drawn[place]['task_id']));
}

/** What a band's flux counts in a colour: about the roots of the Legacy Surveys viewer's scales. Unscaled all galaxies are orange, at the full scales blue. */
const COLOUR_SCALE: Readonly<Record<string, number>> = { g: 1.3, r: 1, i: 0.95, z: 0.8 };

/** Red, green, blue planes: the reddest, middle and bluest band, scaled; one band is gray. */
function colours(planes: readonly Float32Array[], bands: readonly string[]): readonly [Plane, Plane, Plane] | readonly [Plane] {
  const scaled = (band: number) => planes[band].map((flux) => flux * (COLOUR_SCALE[bands[band]] ?? 1));
  const last = planes.length - 1;
  return planes.length < 3 ? [planes[last]] : [scaled(last), scaled(last >> 1), scaled(0)];
}

/** One figure per task id, in their order; ids without stamps are left out. */
export async function stampFigures(
  location: string,
  ids: readonly string[],
  recipe: Recipe,
): Promise<{ figures: GalleryFigure[]; stampArcsec: number }> {
  const stamps = await readStamps(location, new Set(ids), recipe.bands);
  const byId = new Map(stamps.map((stamp) => [String(stamp.row['task_id']), stamp]));
  const ordered = ids.flatMap((id) => byId.get(id) ?? []);
  const size = ordered.length === 0 ? 0 : Number(ordered[0].row['stamp_size']);
  return { figures: ordered.map((stamp) => figureOf(stamp, recipe)), stampArcsec: size * recipe.pixscaleArcsec };
}

function figureOf({ row, planes }: StampRow, recipe: Recipe): GalleryFigure {
  const size = Number(row['stamp_size']);
  const stampArcsec = size * recipe.pixscaleArcsec;
  const view = { x: 0, y: 0, sideArcsec: stampArcsec };
  const seen = planes.host ?? planes.injected;
  const sky =
    seen === undefined ? undefined : stretchFor(colours(seen, recipe.bands), { quantile: 0.998, softness: 12, blackSigma: -1 });
  const panel = (label: string, shown: readonly Float32Array[] | undefined, curves: readonly Curve[], own: boolean) => {
    if (shown === undefined) return [];
    const rgb = colours(shown, recipe.bands);
    const stretch = own || sky === undefined ? stretchFor(rgb, { quantile: 0.998, softness: 12 }) : sky;
    return [{ label, image: pngDataUrl(colourStamp(rgb, size, stretch)), curves, view }];
  };
  return {
    title: `${row['brickname']}  ${Number(row['ra']).toFixed(5)} ${Number(row['dec']).toFixed(5)}`,
    caption: captionOf(row),
    panels: [
      ...panel('host', planes.host, [], false),
      ...panel('with the arc', planes.injected, [], false),
      ...panel('arc', planes.arc, curvesOf(row, recipe), true),
    ],
  };
}

/** Critical curve and caustics of the row's lens, from its record. */
function curvesOf(row: SampledRow, recipe: Recipe): Curve[] {
  const size = Number(row['stamp_size']);
  const around = {
    size,
    hostX: Number(row['host_x']),
    hostY: Number(row['host_y']),
    psfsize: recipe.bands.map(() => Number.NaN),
  };
  // Of the source only the lens is wanted here, so a template needs no bank.
  const { lens } = prepareTask(recipe, row as Task, around).row;
  const { critical, caustic, inner } = causticCurves(lens, 180);
  const curves: Curve[] = [];
  if (critical !== null) curves.push({ kind: 'critical', ...critical });
  if (inner !== null) curves.push({ kind: 'inner', ...inner });
  if (caustic !== null) curves.push({ kind: 'caustic', ...caustic });
  return curves;
}

const short = (value: unknown, digits = 3): string =>
  typeof value === 'number' ? String(Number(value.toPrecision(digits))) : '–';

function captionOf(row: SampledRow): string {
  const words = [
    `${row['lens_model']} θ_E ${short(row['theta_e_arcsec'])}″`,
    `source r ${short(row['src_mag_r'], 4)}`,
    `${row['n_images'] ?? '–'} images`,
    `magnification ${short(row['magnification'])}`,
    `S/N ${short(row['arc_snr_mf'])} (peak pixel ${short(row['arc_snr'])})`,
    `${row['region_split']}`,
  ];
  return words.join(' · ');
}
