/** Figures of a check: what the metrics look like, beside what they are expected to be. */
import { barChart, histogramChart, lineChart, scatterChart } from '../../../report/charts.ts';
import type { RunChart } from '../../../report/run-page.ts';
import { controlShare, type Expected } from './context.ts';
import type { Distributions } from './distributions.ts';
import type { Examined } from './examine.ts';
import { wantedMix } from './physics.ts';

const FRAME = { title: '', theme: 'dark', width: 560, height: 340 } as const;

/** The figures for which there are values. */
export async function checkFigures(facts: Examined): Promise<RunChart[]> {
  const { distributions, expected } = facts;
  const charts: RunChart[] = [];
  const sample = (name: string) => distributions.sampled(name).filter(Number.isFinite);
  const snr = sample('arc_snr');
  if (snr.length > 0) charts.push(await snrFigure(snr, expected), ...(await thetaFigures(facts)));
  const magnification = sample('magnification');
  if (magnification.length > 0) {
    charts.push({
      title: 'Magnification',
      caption:
        'Sum of the arc over the sum of the unlensed source through the same PSF. Left of the line there may be no source with several images.',
      svg: await histogramChart({
        ...FRAME,
        x: { label: 'Magnification', scale: 'log' },
        series: [{ name: 'injections', values: magnification }],
        guides: [{ axis: 'x', value: 1, label: '1' }],
      }),
    });
  }
  const psf = expected.bands
    .map((band) => ({ name: band, values: sample(`psf_fwhm_used_${band}`) }))
    .filter(({ values }) => values.length > 0);
  if (psf.length > 0) {
    charts.push({
      title: 'PSF',
      caption: 'FWHM of the PSF that the arcs were drawn with, by band.',
      svg: await histogramChart({ ...FRAME, x: { label: 'FWHM', unit: 'arcsec' }, series: psf, heightIs: 'fraction' }),
    });
  }
  charts.push(...(await qualityFigures(distributions)), ...(await classFigures(facts)));
  return charts;
}

async function snrFigure(values: Float64Array, expected: Expected): Promise<RunChart> {
  const { edges, name } = wantedMix(expected);
  return {
    title: 'Brightest pixel of the arcs',
    caption: `arc_snr, drawn from a sample by hash. The lines are the edges of the mix that it is compared with: ${name}.`,
    svg: await histogramChart({
      ...FRAME,
      x: { label: 'arc_snr, peak', scale: 'log' },
      series: [{ name: 'injections', values }],
      guides: edges.filter(Number.isFinite).map((value) => ({ axis: 'x' as const, value, label: String(value) })),
    }),
  };
}

async function thetaFigures({ distributions, physics }: Examined): Promise<RunChart[]> {
  const theta = distributions.sampled('theta_e_arcsec');
  const flux = distributions.sampled('total_injected_flux_r');
  const bins = physics.fluxByTheta();
  const band = (values: readonly number[], errors: readonly number[]) => ({
    low: values.map((value, bin) => value - (errors[bin] || 0)),
    high: values.map((value, bin) => value + (errors[bin] || 0)),
  });
  const ratio = bins.map((bin) => bin.ratio);
  const x = { label: 'Einstein radius', unit: 'arcsec' };
  return [
    {
      title: 'Einstein radii',
      caption: 'theta_e_arcsec of the injections, in the convention of the run.',
      svg: await histogramChart({ ...FRAME, x, series: [{ name: 'injections', values: theta }] }),
    },
    {
      title: 'Flux and Einstein radius',
      caption: 'Flux of each arc of the sample, reference band.',
      svg: await scatterChart({
        ...FRAME,
        // Radii of a grid would lie on the frame.
        x: { ...x, domain: [0, 1.05 * theta.reduce((most, value) => Math.max(most, value), 0.1)] },
        y: { label: 'Flux of the arc', unit: 'nanomaggy', scale: 'log' },
        series: [{ name: 'injections', x: theta, y: flux }],
        maxDots: 2000,
      }),
    },
    {
      title: 'Magnification by Einstein radius',
      caption:
        'Mean flux of the arcs over the flux of their sources, in bins of 0.2 arcsec over all rows; the band is one standard error.',
      svg: await lineChart({
        ...FRAME,
        x,
        y: { label: 'Flux of the arc / flux of the source' },
        series: [
          {
            name: 'mean',
            x: bins.map((bin) => bin.theta),
            y: ratio,
            ...band(
              ratio,
              bins.map((bin) => bin.ratioError),
            ),
          },
        ],
        dots: true,
      }),
    },
  ];
}

async function qualityFigures(distributions: Distributions): Promise<RunChart[]> {
  const charts: RunChart[] = [];
  for (const name of ['bad_pixel_frac', 'wise_brightmask_frac'] as const) {
    const series = [
      { name: 'injections', values: distributions.sampledQuality(name, false) },
      { name: 'controls', values: distributions.sampledQuality(name, true) },
    ].filter(({ values }) => values.length > 0);
    if (series.length === 0) continue;
    charts.push({
      title: name === 'bad_pixel_frac' ? 'Bad pixels' : 'WISE bright-star mask',
      caption: `${name}, share of the stamp. Both classes should look the same.`,
      svg: await histogramChart({ ...FRAME, x: { label: name, domain: [0, 1] }, series, heightIs: 'fraction', bins: 40 }),
    });
  }
  return charts;
}

async function classFigures({ splits, controls, expected }: Examined): Promise<RunChart[]> {
  const shares = splits.shares();
  const bySplit = [...controls.bySplit].sort(([a], [b]) => (a < b ? -1 : 1));
  const wanted = controlShare(expected);
  const parts = (key: 'wanted' | 'hosts' | 'rows') => shares.map((share) => ({ name: share.split, value: share[key] }));
  return [
    {
      title: 'Splits',
      caption: 'Share of each split: asked for, of the hosts, of the rows.',
      svg: await barChart({
        ...FRAME,
        height: undefined,
        x: { label: 'Share' },
        bars: [{ name: 'asked', parts: parts('wanted') }, { name: 'hosts', parts: parts('hosts') }, { name: 'rows', parts: parts('rows') }], // biome-ignore format: three bars
      }),
    },
    {
      title: 'Controls',
      caption: `Share of controls in each split${wanted === undefined ? '' : '; the line is what the config asks for'}.`,
      svg: await barChart({
        ...FRAME,
        height: undefined,
        x: { label: 'Share of controls', domain: [0, 1] },
        bars: bySplit.map(([name, held]) => ({ name, parts: [{ name: 'controls', value: held.controls / held.rows }] })),
        ...(wanted === undefined ? {} : { guides: [{ axis: 'x' as const, value: wanted, label: 'asked' }] }),
      }),
    },
  ];
}
