/** Renders the gallery and writes it as a page that stands alone, with the rows file and the templates that made it. */
import { join } from 'node:path';
import type { Engine } from '../../engine/face.ts';
import { writeFileAtomic } from '../../io/atomic.ts';
import { writeNpz } from '../../io/npz.ts';
import { encodePng, pngDataUrl, type Raster } from '../../io/png.ts';
import { colourStamp, type Stretch, sheet, stretchFor } from '../../io/stretch.ts';
import { type Curve, type GalleryFigure, galleryPage, type Panel } from '../../report/gallery-page.ts';
import { type CausticCurves, causticCurves, imageCount } from '../../sky/lensing/caustics.ts';
import { lensParameters } from '../../sky/lensing/models.ts';
import type { RenderOptions, RenderResult, Stamps } from '../injection/result.ts';
import { type LensRow, lensDescription, parseRows, type Row, type RowsFile } from '../injection/rows.ts';
import { colourPlanes } from '../injection/write-render.ts';
import { type GalleryEntry, type GalleryGroup, galleryGroups, galleryRows } from './gallery-rows.ts';
import { galleryBank } from './templates.ts';

export interface GalleryEnvironment {
  readonly engine: Engine;
  readonly render: (engine: Engine, file: RowsFile, options: RenderOptions) => Promise<RenderResult>;
  readonly version: string;
  readonly onProgress?: RenderOptions['onProgress'];
  readonly signal?: AbortSignal;
}

const BANK = 'templates.npz';
/** Writes index.html, contact-sheet.png, rows.json and templates.npz into `folder`; gives the path of the page. */
export async function makeGallery(
  folder: string,
  { engine, render, version, onProgress, signal }: GalleryEnvironment,
): Promise<string> {
  const groups = galleryGroups();
  const input = galleryRows(groups, BANK);
  const bank = galleryBank();
  const file = parseRows(input, join(folder, 'rows.json'));
  const begin = performance.now();
  const result = await render(engine, file, { bank, onProgress, signal });
  const seconds = (performance.now() - begin) / 1000;
  const entries = groups.flatMap((group) => group.entries);
  const figures = entries.map((entry, index) => makeFigure(entry, file, result, index));
  let next = 0;
  const sections = groups.map(({ title, text, entries: { length } }: GalleryGroup) => {
    next += length;
    return { title, text, figures: figures.slice(next - length, next) };
  });
  const html = galleryPage({
    title: 'arclet gallery',
    text: `${file.rows.length} lensed galaxies in ${file.bands.join(', ')}, rendered in ${seconds.toFixed(2)} s on ${engine.info.adapter ?? 'the CPU'}. Left: the source as it is; middle: what the lens makes of it; right: the same through the atmosphere and the telescope. Each row has its own asinh stretch.`,
    stampArcsec: file.grid.size * file.grid.pixscaleArcsec,
    sections,
    tables: [planTable(entries, result), runTable(engine, result, version, seconds)],
  });
  const page = join(folder, 'index.html');
  await writeFileAtomic(join(folder, 'rows.json'), `${JSON.stringify(input, null, 2)}\n`);
  await writeNpz(join(folder, BANK), {
    images: { data: bank.images, shape: [bank.images.length / bank.side ** 2, bank.side, bank.side] },
  });
  await writeFileAtomic(join(folder, 'contact-sheet.png'), encodePng(gallerySheet(result)));
  await writeFileAtomic(page, html);
  return page;
}

/** The lensed and the convolved stamp of a row share a stretch, so that the PSF is all that differs. */
function stretches(result: RenderResult, row: number): Record<'sharp' | 'seen' | 'source', Stretch> {
  const seen = stretchFor(colourPlanes(result.convolved, row), { quantile: 0.998, softness: 20 });
  const source = stretchFor(colourPlanes(result.unlensed, row), { quantile: 0.9995, softness: 20 });
  return { seen, source, sharp: { ...seen, white: 1.6 * seen.white } };
}

function stampRaster(stamps: Stamps, row: number, size: number, stretch: Stretch): Raster {
  return colourStamp(colourPlanes(stamps, row), size, stretch);
}

function makeFigure({ title, lens }: GalleryEntry, file: RowsFile, result: RenderResult, index: number): GalleryFigure {
  const { size } = result;
  const row = file.rows[index];
  const curves = causticCurves(lensParameters(lensDescription(row.lens)));
  const stampArcsec = size * file.grid.pixscaleArcsec;
  const stretch = stretches(result, index);
  const whole = { x: 0, y: 0, sideArcsec: stampArcsec };
  const panel = (label: string, stamps: Stamps, use: Stretch, shown: readonly Curve[], view: Panel['view']): Panel => ({
    label,
    image: pngDataUrl(stampRaster(stamps, index, size, use)),
    curves: shown,
    view,
  });
  return {
    title: `${title} (${lens.model})`,
    caption: caption(row, curves, result, index),
    panels: [
      panel('source', result.unlensed, stretch.source, sourceCurves(curves), sourceView(row, curves, stampArcsec)),
      panel(
        'lensed',
        result.lensed,
        stretch.sharp,
        curves.critical === null ? [] : [{ kind: 'critical', ...curves.critical }],
        whole,
      ),
      panel('through the PSF', result.convolved, stretch.seen, [], whole),
    ],
  };
}

/** The source is small beside its images: as much of the stamp as source and caustic need, the whole cut where that is not far more. */
function sourceView(row: Row, { caustic, inner }: CausticCurves, stampArcsec: number): Panel['view'] {
  const reach = ({ x, y }: { readonly x: ArrayLike<number>; readonly y: ArrayLike<number> }) =>
    Math.max(0, ...Array.from(x, (value, index) => Math.max(Math.abs(value), Math.abs(y[index]))));
  const source = row.sources.map(({ xArcsec, yArcsec }) => Math.max(Math.abs(xArcsec), Math.abs(yArcsec)) + 0.35);
  const needed = Math.max(...source, caustic === null ? 0 : reach(caustic));
  const wanted = inner === null ? needed : Math.max(needed, Math.min(reach(inner), 1.6 * needed));
  return { x: 0, y: 0, sideArcsec: Math.min(stampArcsec, Math.max(stampArcsec / 5, 2.2 * wanted)) };
}

function sourceCurves({ caustic, inner }: CausticCurves): Curve[] {
  const curves: Curve[] = [];
  if (inner !== null) curves.push({ kind: 'inner', ...inner });
  if (caustic !== null) curves.push({ kind: 'caustic', ...caustic });
  return curves;
}

function caption(row: Row, curves: CausticCurves, result: RenderResult, index: number): string {
  const [source] = row.sources;
  const count = imageCount(curves, source.xArcsec, source.yArcsec);
  const magnification = rowFlux(result.lensed, index) / rowFlux(result.unlensed, index);
  const images = `${count} ${count === 1 ? 'image' : 'images'} of its centre`;
  return [...lensWords(row.lens), images, `magnification ${magnification.toPrecision(3)}`].join(' · ');
}

const short = (value: number) => String(Number(value.toPrecision(3)));

function lensWords(lens: LensRow | null): string[] {
  if (lens === null) return ['no lens'];
  const words = lens.model === 'NFW' ? [`r_s ${lens.rsArcsec}″`, `κ_s ${lens.kappaS}`] : [`θ_E ${short(lens.thetaEArcsec)}″`];
  if ('q' in lens) words.push(`q ${short(lens.q)}`);
  if (lens.model === 'EPL') words.push(`slope ${short(lens.gamma)}`);
  if (lens.model === 'NIE') words.push(`core ${lens.coreArcsec}″`);
  const shear = Math.hypot(lens.gamma1, lens.gamma2);
  if (shear > 0) words.push(`shear ${shear.toFixed(3)}`);
  return words;
}

function rowFlux({ data, shape: [rows] }: Stamps, row: number): number {
  const length = data.length / rows;
  let sum = 0;
  for (let at = row * length; at < (row + 1) * length; at++) sum += data[at];
  return sum;
}

/** Lensed and seen side by side, six pairs to a line. */
function gallerySheet(result: RenderResult): Raster {
  const rows = Array.from(result.fluxErr, (_, row) => row);
  const rasters = rows.flatMap((row) => {
    const { seen, sharp } = stretches(result, row);
    return [stampRaster(result.lensed, row, result.size, sharp), stampRaster(result.convolved, row, result.size, seen)];
  });
  return sheet(rasters, 12, 3);
}

function planTable(entries: readonly GalleryEntry[], { plan, fluxErr }: RenderResult) {
  const keys = [...new Set(plan.flatMap((record) => Object.keys(record)))];
  const show = (value: unknown): string => {
    if (Array.isArray(value)) return value.map(show).join(', ');
    return typeof value === 'number' ? String(Number(value.toPrecision(4))) : String(value ?? '');
  };
  return {
    title: 'How each row was drawn',
    text: 'The plan that the renderer chose, and its own estimate of the relative flux error.',
    head: ['row', ...keys.map((key) => key.replaceAll('_', ' ')), 'flux error'],
    rows: entries.map(({ title }, row) => [title, ...keys.map((key) => show(plan[row]?.[key])), fluxErr[row].toExponential(1)]),
  };
}

function runTable({ info }: Engine, { timings }: RenderResult, version: string, seconds: number) {
  const facts: [string, string][] = [
    ['arclet', version],
    ['backend', `${info.backend}: ${info.reason}`],
    ['Node', `${process.versions.node}, ${process.platform} ${process.arch}`],
    ['wall time', `${seconds.toFixed(3)} s`],
  ];
  if (timings !== undefined) {
    const { uploadSeconds, computeSeconds, readbackSeconds, batches } = timings;
    facts.push([
      'upload, compute, readback',
      [uploadSeconds, computeSeconds, readbackSeconds].map((part) => `${part.toFixed(3)} s`).join(', '),
    ]);
    facts.push(['batches', String(batches)]);
  }
  return {
    title: 'The run',
    text: 'Parts overlap, so they may add up to more than the wall time.',
    head: ['what', 'value'],
    rows: facts,
  };
}
