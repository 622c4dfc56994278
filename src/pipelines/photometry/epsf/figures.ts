/** The pictures of one cell, named as tract7dt names them. */
import { encodePng } from '../../../io/png.ts';
import { type GridStamp, stampGrid } from '../../../io/stamp-grid.ts';
import { svgToPng } from '../../../io/svg-png.ts';
import { histogramChart, type LineSeries, lineChart } from '../../../report/charts.ts';
import type { GrowthQuality, ResidualQuality } from '../../../sky/epsf/index.ts';
import { inFolder, putObject } from '../places.ts';
import type { CellBackground } from './background.ts';
import type { CellTask, GateReport, PsfStar, StarOrigin } from './cell-types.ts';
import { annulusOf, type CutStar } from './cutouts.ts';
import { type Mark, panelFigure, percentileLimits, symmetricLimits } from './pictures.ts';

const LEGEND: readonly { origin: StarOrigin; label: string; colour: string; shape: Mark['shape'] }[] = [
  { origin: 'sep', label: 'found in the image', colour: '#ff9f2e', shape: 'circle' },
  { origin: 'gaia', label: 'Gaia', colour: '#18c6e0', shape: 'plus' },
  { origin: 'both', label: 'both', colour: '#ff3ec8', shape: 'cross' },
];

/** Screen pixels per pixel of a star at 300 dpi. */
const STAMP_ENLARGE = 3;

/** What pictures need of a cell; those of its sky and stars need the pixels too. */
export type FigureTask = Pick<CellTask, 'settings' | 'dpi' | 'folder'> & {
  readonly frame: { readonly band: string };
  readonly cell: { readonly tag: string };
};

/** Draws the pictures of a PSF into the folder of its cell. */
export class PsfFigures {
  protected readonly shared: FigureTask;
  protected readonly name: string;

  constructor(task: FigureTask) {
    this.shared = task;
    this.name = `${task.frame.band} ${task.cell.tag}`;
  }

  protected async write(name: string, bytes: Uint8Array | Promise<Uint8Array>): Promise<void> {
    await putObject(inFolder(this.shared.folder, name), await bytes);
  }

  async epsf(stamp: Float32Array, note: string, name: 'epsf.png' | 'epsf_rejected.png' = 'epsf.png'): Promise<void> {
    const size = this.shared.settings.finalPsfSize;
    let peak = 0;
    for (const value of stamp) peak = Math.max(peak, value);
    const plane = { data: stamp, width: size, height: size };
    const panels = [{ kind: 'pixels', title: note, plane, limits: { low: 0, high: peak }, colours: 'asinh' }] as const;
    await this.write(name, panelFigure(`${this.name} · ePSF`, panels, { dpi: this.shared.dpi, bars: true }));
  }

  /** The PSF's growth curve, and that of the stars that judge it: what the gate compares. */
  async growth({ growth, ...quality }: GrowthQuality, { acceptance, heldOut }: GateReport): Promise<void> {
    if (!this.shared.settings.saveGrowthCurve) return;
    const x = Float64Array.from(growth, (_, r) => r);
    const series: LineSeries[] = [{ name: 'ePSF', x, y: growth }];
    if (acceptance !== undefined && acceptance.starsUsed > 0) {
      const { growthDifference, starsUsed } = acceptance;
      const rings = Math.min(growthDifference.length, growth.length - 1);
      series.push({
        name: `${starsUsed} ${heldOut ? 'judges' : 'of its own stars'}`,
        x: x.slice(1, rings + 1),
        y: growthDifference.slice(0, rings).map((value, r) => growth[r + 1] + value),
        dashed: true,
      });
    }
    const svg = await lineChart({
      title: `${this.name} · growth curve`,
      subtitle: `50, 80, 90 % within ${quality.ee_r50_pix}, ${quality.ee_r80_pix}, ${quality.ee_r90_pix} px`,
      x: { label: 'Radius', unit: 'px' },
      y: { label: 'Part of the light', domain: [0, 1.05] },
      series,
      guides: [0.5, 0.8, 0.9].map((value) => ({ axis: 'y', value })),
      theme: 'light',
    });
    await this.write('epsf_growth_curve.png', svgToPng(svg, { scale: Math.min(8, Math.max(0.25, this.shared.dpi / 150)) }));
  }

  /** @param pulls residuals over their errors */
  async residuals(quality: ResidualQuality, pulls: ArrayLike<number>): Promise<void> {
    const { settings, dpi } = this.shared;
    if (!settings.saveResidualDiagnostics || quality.resid_nstars === 0) return;
    const size = Math.sqrt(quality.data.length);
    const plane = (data: Float64Array) => ({ data, width: size, height: size });
    const limits = percentileLimits(quality.data, 5, 99.5);
    const svg = await histogramChart({
      title: 'Residual over error',
      subtitle: `median ${quality.resid_norm_bias.toPrecision(2)}, rms ${quality.resid_norm_rms.toPrecision(3)}`,
      width: 400,
      height: 300,
      x: { label: '(data - model) / sigma', domain: [-6, 6] },
      series: [{ name: 'pixels', values: pulls }],
      bins: 60,
      theme: 'light',
    });
    const panels = [
      { kind: 'pixels', title: 'median star', plane: plane(quality.data), limits, colours: 'gray' },
      { kind: 'pixels', title: 'median model', plane: plane(quality.model), limits, colours: 'gray' },
      { kind: 'pixels', title: `median residual, rms ${quality.resid_rms.toPrecision(3)}`, plane: plane(quality.residual), limits: symmetricLimits(quality.residual), colours: 'diverging' },
      { kind: 'chart', svg, width: 400 },
    ] as const; // biome-ignore format: one panel a line
    const title = `${this.name} · ${quality.resid_nstars} stars less ePSF`;
    await this.write(
      'epsf_residual_diagnostics.png',
      panelFigure(title, panels, { dpi, side: 270, bars: settings.diagnosticsShowColorbar }),
    );
  }
}

/** Draws all pictures of a cell. */
export class CellFigures extends PsfFigures {
  readonly #task: CellTask;

  constructor(task: CellTask) {
    super(task);
    this.#task = task;
  }

  get #size() {
    return { width: this.#task.section.width, height: this.#task.section.height };
  }

  async background(background: CellBackground): Promise<void> {
    const { settings, dpi, image } = this.#task;
    if (background.level === undefined || !settings.savePatchBackgroundDiagnostics) return;
    const panel = (title: string, data: Float32Array) =>
      ({ kind: 'pixels', title, plane: { data, ...this.#size }, limits: percentileLimits(data), colours: 'gray' }) as const;
    const panels = [panel('as read', image), panel('background', background.level), panel('difference', background.image)];
    const bars = settings.diagnosticsShowColorbar;
    await this.write('background_diagnostics.png', panelFigure(`${this.name} · background`, panels, { dpi, bars }));
  }

  /** psfstars.png and psfstars_bgsub.png. */
  async selection(background: CellBackground, stars: readonly PsfStar[], seeds: number): Promise<void> {
    const { image, dpi } = this.#task;
    const marks = stars.map(({ id, x, y, origin }) => {
      const { colour, shape } = LEGEND.find((one) => one.origin === origin)!;
      return { colour, shape, x, y, label: String(id) };
    });
    const { x0, y0 } = this.#task.section;
    const legend = LEGEND.map((one) => ({
      ...one,
      label: `${one.label} (${stars.filter(({ origin }) => origin === one.origin).length})`,
    }));
    const draw = (title: string, data: Float32Array) =>
      panelFigure(
        `${this.name} · ${stars.length} stars selected`,
        [
          {
            kind: 'pixels',
            title,
            plane: { data, ...this.#size },
            limits: percentileLimits(data),
            colours: 'gray',
            marks,
            origin: { x: x0, y: y0 },
          },
        ],
        { dpi, side: 560, legend },
      );
    await this.write('psfstars.png', draw(`as read, ${seeds} Gaia stars in the cell`, image));
    if (background.level !== undefined) await this.write('psfstars_bgsub.png', draw('background subtracted', background.image));
  }

  /** extracted_stars.png, used_stars.png. */
  async stars(name: 'extracted_stars.png' | 'used_stars.png', stars: readonly CutStar[]): Promise<void> {
    const shown = stars.slice(0, this.#task.settings.saveStarMontageMax);
    if (shown.length === 0) return;
    const of = shown.length < stars.length ? `${shown.length} of ${stars.length}` : `${stars.length}`;
    const title = `${this.name} · ${of} ${name === 'used_stars.png' ? 'stars of the PSF' : 'cutouts'}`;
    const cells = shown.map(({ star, cutout }) => this.#stamp(cutout.data, `${star.id} · ${star.origin}`));
    await this.write(name, this.#grid(cells, title));
  }

  async localBackground(stars: readonly CutStar[]): Promise<void> {
    const { settings } = this.#task;
    const wanted = settings.starLocalBkgSubtract && settings.saveStarLocalBackgroundDiagnostics;
    const shown = stars.slice(0, settings.saveStarMontageMax);
    if (!wanted || shown.length === 0) return;
    const { inner, outer } = annulusOf(settings);
    const cells = shown.flatMap(({ star, raw, cutout, localLevel }) => {
      const middle = (raw.size - 1) / 2;
      const ring = Float32Array.from(raw.data, (value, k) => {
        const i = k % raw.size;
        const radius = Math.hypot(i - middle, (k - i) / raw.size - middle);
        return radius >= inner && radius <= outer && raw.weight[k] > 0 ? value : Number.NaN;
      });
      return [
        this.#stamp(raw.data, `${star.id} · as cut out`),
        this.#stamp(ring, `${localLevel.pixels} px, level ${localLevel.level.toPrecision(3)}`),
        this.#stamp(cutout.data, localLevel.status === 'ok' ? 'level subtracted' : localLevel.status.replaceAll('_', ' ')),
      ];
    });
    await this.write(
      'star_local_background_diagnostics.png',
      this.#grid(cells, `${this.name} · sky around stars`, 3 * Math.ceil(Math.sqrt(shown.length / 3))),
    );
  }

  #stamp(data: ArrayLike<number>, caption: string): GridStamp {
    const { low, high } = percentileLimits(data, 5, 99.5);
    return { planes: [Float32Array.from(data)], caption, stretch: { black: low, white: high, softness: 10 } };
  }

  async #grid(stamps: readonly GridStamp[], title: string, columns?: number): Promise<Uint8Array> {
    const { settings, dpi } = this.#task;
    const enlarge = Math.max(1, Math.round((STAMP_ENLARGE * dpi) / 300));
    return encodePng(await stampGrid(stamps, { size: settings.cutoutSize, enlarge, title, columns }));
  }
}
