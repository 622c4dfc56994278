/**
 * A dark sheet of a campaign's rows: the survey's pixels, the same with the arc, and the arc with critical curve, caustic and cut.
 * `node scripts/stamp-sheet.ts OUTPUT/phase4c/VARIANT/run_config_EXPERIMENT.json sheet.png [rows]`
 *
 * Rows are cut into groups by Einstein radius, one group per place. In turn a group gives its largest arc with four images and its largest with two,
 * so that rings, quads and doubles of all sizes are there. The campaign needs the planes injected, host and arc.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { encodePng } from '../src/io/png.ts';
import { svgToImage } from '../src/io/svg-png.ts';
import { InjectConfigSchema } from '../src/pipelines/injection/config.ts';
import { recipeOf } from '../src/pipelines/injection/inject/recipe.ts';
import { datasetFolder } from '../src/pipelines/injection/layout.ts';
import { type SampledRow, sampleRows } from '../src/pipelines/injection/report/sample.ts';
import { stampFigures } from '../src/pipelines/injection/report/stamp-figures.ts';
import type { Curve, Panel } from '../src/report/gallery-page.ts';

const [recordPath, outPath, wanted = '12'] = process.argv.slice(2);
if (outPath === undefined) {
  process.stderr.write('usage: node scripts/stamp-sheet.ts RUN_CONFIG.json SHEET.png [rows]\n');
  process.exit(2);
}

/** Triples in a line, side of a panel and gaps, px. */
const ACROSS = 3;
const PANEL = 136;
const GAP = 3;
const BETWEEN = 16;
const LINE = 34;
/** What part of a stamp is shown, arcsec. */
const VIEW_ARCSEC = 11.5;
const COLOURS = { critical: '#ffd166', caustic: '#4cc9f0', inner: '#8d99ae' } as const;

const { experiment_id: experimentId, run } = JSON.parse(readFileSync(recordPath, 'utf8'));
const given = Object.entries(run.config).filter(([, value]) => value !== null);
const config = InjectConfigSchema.parse(Object.fromEntries(given));
const layout = { output: String(config.output), variant: config.variant, manifestsSubdir: config.manifestsSubdir };
const columns = ['is_control', 'cutout_ok', 'theta_e_arcsec', 'n_images', 'arc_area_pix', 'host_x', 'host_y', 'magnification'];

const { rows } = await sampleRows(datasetFolder(layout, 'metrics', experimentId), columns, 20_000);
const chosen = choose(rows, Number(wanted));
const { figures, stampArcsec } = await stampFigures(
  datasetFolder(layout, 'stamps', experimentId),
  chosen.map((row) => String(row['task_id'])),
  recipeOf(config),
);

const cells = figures.map(({ panels }, index) => {
  const row = chosen[index];
  const left = BETWEEN + (index % ACROSS) * (3 * PANEL + 2 * GAP + BETWEEN);
  const top = BETWEEN + Math.floor(index / ACROSS) * (PANEL + LINE);
  const shown = panels.map((panel, place) => panelSvg(panel, left + place * (PANEL + GAP), top));
  const words = `θE ${Number(row['theta_e_arcsec']).toFixed(1)}″   ${row['n_images']} images   magnified ${Number(row['magnification']).toFixed(1)} times`;
  return `${shown.join('')}<text x="${left}" y="${top + PANEL + 17}" font-size="12.5" fill="#c9d1dc">${words}</text>`;
});
const width = 2 * BETWEEN + ACROSS * (3 * PANEL + 2 * GAP) + (ACROSS - 1) * BETWEEN;
const height = BETWEEN + Math.ceil(figures.length / ACROSS) * (PANEL + LINE);
const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="Inter"><rect width="100%" height="100%" fill="#0c0f14"/>${cells.join('')}</svg>`;
const drawn = await svgToImage(svg, { scale: 1 });
const rgb = new Uint8Array(3 * drawn.width * drawn.height);
for (let at = 0; at < rgb.length; at++) rgb[at] = drawn.pixels[4 * Math.floor(at / 3) + (at % 3)];
writeFileSync(outPath, encodePng({ width: drawn.width, height: drawn.height, channels: 3, pixels: rgb }));

/** One row per group of Einstein radii. */
function choose(all: readonly SampledRow[], count: number): SampledRow[] {
  const positives = all
    .filter((row) => row['is_control'] === 0 && row['cutout_ok'] === 1)
    .sort((a, b) => Number(a['theta_e_arcsec']) - Number(b['theta_e_arcsec']));
  return Array.from({ length: Math.min(count, positives.length) }, (_, group) => {
    const [from, to] = [group, group + 1].map((edge) => Math.round((edge * positives.length) / count));
    const members = positives
      .slice(from, Math.max(to, from + 1))
      .sort((a, b) => Number(b['arc_area_pix']) - Number(a['arc_area_pix']));
    const images = group % 2 === 0 ? 4 : 2;
    return members.find((row) => row['n_images'] === images) ?? members[0];
  });
}

/** A panel about the middle of the stamp, with its curves; y up in arcsec, down in the picture. */
function panelSvg({ image, curves }: Panel, x: number, y: number): string {
  const half = VIEW_ARCSEC / 2;
  const box = `${-half} ${-half} ${VIEW_ARCSEC} ${VIEW_ARCSEC}`;
  const picture = `<image href="${image}" x="${-stampArcsec / 2}" y="${-stampArcsec / 2}" width="${stampArcsec}" height="${stampArcsec}" image-rendering="optimizeSpeed"/>`;
  return `<svg x="${x}" y="${y}" width="${PANEL}" height="${PANEL}" viewBox="${box}">${picture}${curves.map(curveSvg).join('')}</svg>`;
}

function curveSvg({ kind, x, y }: Curve): string {
  const points = Array.from(x, (value, index) => `${value.toFixed(3)},${(-y[index]).toFixed(3)}`).join(' ');
  return `<polyline points="${points}" fill="none" stroke="${COLOURS[kind]}" stroke-width="0.07" stroke-opacity="0.8"/>`;
}
