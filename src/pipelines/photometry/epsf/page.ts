/** The page of all cells: what the gate said, where PSFs come from, how wide they are. */
import { pngDataUrl } from '../../../io/png.ts';
import { colourStamp, enlarge, sheet } from '../../../io/stretch.ts';
import { heatmapChart } from '../../../report/charts.ts';
import { type RunChart, type RunSection, runPage, type VerdictRow } from '../../../report/run-page.ts';
import type { EpsfCell } from '../field.ts';
import type { FinishedCell } from './finish-band.ts';

export interface EpsfPage {
  readonly title: string;
  readonly text: string;
  /** In the order of bands and cells. */
  readonly cells: readonly FinishedCell[];
  readonly grid: readonly EpsfCell[];
  readonly gridSize: number;
  readonly psfSize: number;
}

/** HTML of the page. */
export async function epsfPage({ title, text, cells, grid, gridSize, psfSize }: EpsfPage): Promise<string> {
  const bands = [...new Set(cells.map(({ band }) => band))];
  const own = cells.filter(({ source }) => source === 'cell').length;
  const verdicts = (wanted: string) => cells.filter(({ verdict }) => verdict === wanted).length;
  const [accepted, rejected, untested] = ['accepted', 'rejected', 'untested'].map(verdicts);
  const kept = cells.filter(({ source }) => source === 'cell-rejected').length;
  const without = cells.filter(({ source }) => source === 'none').length;
  const sections: RunSection[] = [];
  for (const band of bands) {
    const of = cells.filter((cell) => cell.band === band);
    const fallbacks = of.filter(({ source }) => source !== 'cell').length;
    sections.push({
      title: band,
      text: `${of.length} cells, ${fallbacks === 0 ? 'all with a PSF of their own' : `${fallbacks} without a good PSF of their own`}. ${bandText(of[0])}`,
      blocks: [
        { kind: 'charts', charts: [await widthChart(band, of, grid, gridSize), stampChart(band, of, gridSize, psfSize)] },
        {
          kind: 'verdicts',
          head: ['', 'cell', 'PSF', 'stars used', 'judges', 'flux bias', 'aperture', 'chi2', 'FWHM px', 'why'],
          rows: of.map(verdictRow),
        },
      ],
    });
  }
  return runPage({
    title,
    text,
    headlines: [
      { value: String(bands.length), label: 'bands' },
      { value: String(cells.length), label: 'cells' },
      { value: String(own), label: 'with a PSF of their own', tone: own === cells.length ? 'go' : 'warn' },
      { value: String(accepted), label: 'accepted by the gate', tone: accepted === cells.length ? 'go' : 'warn' },
      { value: String(untested), label: 'untested: their stars cannot tell', tone: untested === 0 ? 'go' : 'warn' },
      { value: String(rejected), label: 'rejected by the gate', tone: rejected === 0 ? 'go' : 'warn' },
      ...(kept === 0 ? [] : [{ value: String(kept), label: 'rejected, and nothing does better', tone: 'no-go' as const }]),
      ...(without === 0 ? [] : [{ value: String(without), label: 'without any', tone: 'no-go' as const }]),
    ],
    sections,
  });
}

const VERDICTS: Readonly<Record<string, VerdictRow['verdict']>> = {
  accepted: 'go',
  untested: 'warn',
  rejected: 'no-go',
  none: 'skipped',
};

/** What the judges of all cells of a band say together. */
function bandText({ meta }: FinishedCell): string {
  const band = meta['gate_band'] as Readonly<Record<string, unknown>>;
  if (band['nstars'] === 0) return 'No held-out stars judge its fluxes.';
  return `Its ${band['nstars']} held-out stars together, PSFs that were not rejected: flux bias ${withError(band, 'flux_bias')}, light within 4 FWHM over the fitted one ${withError(band, 'aperture_difference')} (${band['verdict']}).`;
}

const number = (value: unknown, digits: number, factor = 1) =>
  typeof value === 'number' && Number.isFinite(value) ? (factor * value).toFixed(digits) : '–';

const withError = (facts: Readonly<Record<string, unknown>>, key: string) =>
  `${number(facts[key], 2, 100)} ± ${number(facts[`${key}_error`], 2, 100)} %`;

/** Pictures that a row leads to, where they were drawn. */
const PICTURES = [
  ['stars', 'psfstars.png'],
  ['used', 'used_stars.png'],
  ['PSF', 'epsf.png'],
  ['growth', 'epsf_growth_curve.png'],
  ['residuals', 'epsf_residual_diagnostics.png'],
] as const;

/** Numbers are those of the PSF that the cell got; the verdict is on its own. */
function verdictRow({ band, tag, source, meta, verdict, problem, fwhmPx, stamp }: FinishedCell): VerdictRow {
  const gate = meta['gate'] as Readonly<Record<string, unknown>>;
  const has = (file: string) =>
    file === 'psfstars.png' ||
    (file === 'used_stars.png' && Number(meta['nstars_used']) > 0) ||
    (file === 'epsf.png' && stamp !== undefined) ||
    (file === 'epsf_growth_curve.png' && meta['growth_curve'] !== undefined) ||
    (file === 'epsf_residual_diagnostics.png' && meta['residual_qa'] !== undefined);
  const links = PICTURES.filter(([, file]) => has(file)).map(([text, file]) => ({ text, href: `${band}/${tag}/${file}` }));
  const judges = gate['held_out'] === true ? String(gate['nstars'] ?? '–') : `${gate['nstars'] ?? '–'} of its own`;
  const untested = verdict === 'untested' ? ((gate['reasons'] ?? []) as readonly string[]).join(' ') : '';
  return {
    verdict: VERDICTS[verdict] ?? 'skipped',
    links: [{ text: 'meta.json', href: `${band}/${tag}/meta.json` }, ...links],
    cells: [
      tag,
      source,
      `${meta['nstars_used']} of ${meta['nstars_sel']}`,
      judges,
      withError(gate, 'flux_bias'),
      withError(gate, 'aperture_difference'),
      number(gate['core_chi2'], 2),
      number(fwhmPx, 2),
      problem === undefined ? untested : `${problem} Instead: ${meta['psf_fallback'] ?? 'none'}.`,
    ],
  };
}

async function widthChart(
  band: string,
  cells: readonly FinishedCell[],
  grid: readonly EpsfCell[],
  gridSize: number,
): Promise<RunChart> {
  const widths = new Map(cells.map(({ tag, fwhmPx }) => [tag, fwhmPx]));
  const edges = (starts: readonly number[], last: number) => [...new Set(starts)].sort((one, other) => one - other).concat(last);
  const right = grid[grid.length - 1];
  const svg = await heatmapChart({
    title: `FWHM over the frame, ${band}`,
    x: { label: 'x', unit: 'px' },
    y: { label: 'y', unit: 'px' },
    xEdges: edges(grid.map(({ x0 }) => x0), right.x0 + right.width),
    yEdges: edges(grid.map(({ y0 }) => y0), right.y0 + right.height),
    values: grid.map(({ tag }) => widths.get(tag) ?? Number.NaN),
    value: { label: 'FWHM', unit: 'px' },
    numbers: gridSize <= 8,
    theme: 'dark',
  }); // biome-ignore format: one chart
  return { title: 'Width', caption: "Of each cell's own PSF; struck through where there is none.", svg };
}

/** The PSFs as they stand in the frame, on an asinh scale. */
function stampChart(band: string, cells: readonly FinishedCell[], gridSize: number, size: number): RunChart {
  const stamps = new Map(cells.map(({ tag, stamp }) => [tag, stamp]));
  const two = (index: number) => String(index).padStart(2, '0');
  const rasters = Array.from({ length: gridSize * gridSize }, (_, k) => {
    const tag = `r${two(gridSize - 1 - Math.floor(k / gridSize))}_c${two(k % gridSize)}`;
    const stamp = stamps.get(tag) ?? new Float32Array(size * size);
    let peak = 0;
    for (const value of stamp) peak = Math.max(peak, value);
    return enlarge(colourStamp([stamp], size, { black: 0, white: peak > 0 ? peak : 1, softness: 200 }), 1);
  });
  const whole = sheet(rasters, gridSize, 3, 24);
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${whole.width} ${whole.height}"><image href="${pngDataUrl(whole)}" width="${whole.width}" height="${whole.height}"/></svg>`;
  return {
    title: 'PSFs',
    caption: `The PSF that each cell of ${band} gets, lowest row of the frame at the bottom, asinh scale.`,
    svg,
  };
}
