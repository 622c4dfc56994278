/** Charts of a campaign's metrics. */
import { histogramChart, scatterChart } from '../../../report/charts.ts';
import type { RunChart } from '../../../report/run-page.ts';
import type { SampledRow } from './sample.ts';

/** Columns that the charts are made of. */
export function chartColumns(bands: readonly string[]): string[] {
  return [
    'is_control', 'cutout_ok', 'theta_e_arcsec', 'arc_snr', 'arc_snr_mf', 'magnification', 'total_injected_flux_r', 'bad_pixel_frac', 'n_images',
    'render_flux_err', 'src_mag_r', 'rmag', 'psfsize_r', 'theta_e_effective_arcsec',
    ...bands.map((band) => `psf_fwhm_used_${band}`),
  ]; // biome-ignore format: names
}

const FRAME = { theme: 'dark', width: 520, height: 340 } as const;

function values(rows: readonly SampledRow[], name: string, positive = false): number[] {
  return rows.flatMap((row) => {
    const value = row[name];
    return typeof value === 'number' && Number.isFinite(value) && (!positive || value > 0) ? [value] : [];
  });
}

/** The charts for which there are values. */
export async function distributionCharts(rows: readonly SampledRow[], bands: readonly string[]): Promise<RunChart[]> {
  const injected = rows.filter((row) => row['is_control'] !== 1 && row['cutout_ok'] === 1);
  const controls = rows.filter((row) => row['is_control'] === 1);
  const charts: RunChart[] = [];
  const histogram = async (
    title: string,
    caption: string,
    x: Parameters<typeof histogramChart>[0]['x'],
    series: readonly { name: string; values: number[] }[],
  ): Promise<void> => {
    const filled = series.filter((one) => one.values.length > 0);
    if (filled.length === 0) return;
    charts.push({ title, caption, svg: await histogramChart({ ...FRAME, title: '', x, series: filled, heightIs: 'fraction' }) });
  };
  await histogram(
    'Signal-to-noise of the arcs',
    'Matched filter over the stamp, and the brightest pixel.',
    { label: 'signal-to-noise', scale: 'log' },
    [
      { name: 'matched filter', values: values(injected, 'arc_snr_mf', true) },
      { name: 'peak pixel', values: values(injected, 'arc_snr', true) },
    ],
  );
  await histogram(
    'Magnification',
    'Flux with the lens over flux without it, through the same PSF on the same stamp.',
    { label: 'magnification', scale: 'log' },
    [{ name: 'injected', values: values(injected, 'magnification', true) }],
  );
  await histogram(
    'Einstein radius',
    'As the grid says it, and the circle of equal critical area.',
    { label: 'Einstein radius', unit: 'arcsec' },
    [
      { name: 'theta_e', values: values(injected, 'theta_e_arcsec') },
      { name: 'effective', values: values(injected, 'theta_e_effective_arcsec') },
    ],
  );
  await histogram(
    'PSF',
    'FWHM that was used, from the maps at each target.',
    { label: 'FWHM', unit: 'arcsec' },
    bands.map((band) => ({ name: band, values: values(injected, `psf_fwhm_used_${band}`) })),
  );
  await histogram(
    'Hosts',
    'Injections and controls should come from the same hosts.',
    { label: 'r magnitude of the host', unit: 'mag' },
    [
      { name: 'injected', values: values(injected, 'rmag') },
      { name: 'controls', values: values(controls, 'rmag') },
    ],
  );
  await histogram('Masked pixels', 'Share of a stamp with a bad bit.', { label: 'bad_pixel_frac' }, [
    { name: 'injected', values: values(injected, 'bad_pixel_frac') },
    { name: 'controls', values: values(controls, 'bad_pixel_frac') },
  ]);
  const both = injected.filter(
    (row) => typeof row['total_injected_flux_r'] === 'number' && typeof row['theta_e_arcsec'] === 'number',
  );
  if (both.length > 0) {
    const svg = await scatterChart({
      ...FRAME,
      title: '',
      x: { label: 'Einstein radius', unit: 'arcsec' },
      y: { label: 'flux of the arc', unit: 'nanomaggy', scale: 'log' },
      series: [
        {
          name: 'injected',
          x: both.map((row) => row['theta_e_arcsec'] as number),
          y: both.map((row) => row['total_injected_flux_r'] as number),
        },
      ],
    });
    charts.push({
      title: 'Flux and Einstein radius',
      caption: 'Sources that are small beside their lens are magnified alike; larger ones gain with the lens.',
      svg,
    });
  }
  return charts;
}
