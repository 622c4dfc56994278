/** Charts, numbers and the contact sheet of a bank's page. */
import { encodePng } from '../../../io/png.ts';
import { stampGrid } from '../../../io/stamp-grid.ts';
import { histogramChart, scatterChart } from '../../../report/charts.ts';
import type { RunChart } from '../../../report/run-page.ts';
import type { BankFacts } from './bank-facts.ts';
import type { InjectionBank } from './open.ts';
import { type BankSurvey, NOISE_CLUMPINESS, NOISE_HLR_SHARE, usableImages } from './survey-bank.ts';

const FRAME = { theme: 'dark', width: 520, height: 340, title: '' } as const;

/** @param widthArcsec of a template */
export async function bankCharts(survey: BankSurvey, facts: BankFacts, widthArcsec: number): Promise<RunChart[]> {
  const noise = NOISE_HLR_SHARE.map((share, end) => ({
    axis: 'x' as const,
    value: share * widthArcsec,
    label: end === 0 ? 'noise from here' : 'to here',
  }));
  const one = (values: Float64Array) => [{ name: 'templates', values: values.filter(Number.isFinite) }];
  const charts: RunChart[] = [
    {
      title: 'Half-light radius',
      caption: 'Lines: where noise that was cut at zero lies.',
      svg: await histogramChart({
        ...FRAME,
        x: { label: 'half-light radius', unit: 'arcsec' },
        series: one(survey.hlrArcsec),
        guides: noise,
      }),
    },
    {
      title: 'Clumpiness',
      caption: 'Sum of |I - I smoothed by a Gaussian of 1 pixel| over the sum of I.',
      svg: await histogramChart({
        ...FRAME,
        x: { label: 'clumpiness' },
        series: one(survey.clumpiness),
        guides: [{ axis: 'x', value: NOISE_CLUMPINESS, label: 'noise from here' }],
      }),
    },
    {
      title: 'Radius and clumpiness',
      caption: 'Noise that was cut at zero lies right of the first upright line, left of the second and above the level one.',
      svg: await scatterChart({
        ...FRAME,
        x: { label: 'half-light radius', unit: 'arcsec' },
        y: { label: 'clumpiness' },
        series: [{ name: 'templates', x: survey.hlrArcsec, y: survey.clumpiness }],
        guides: [...noise, { axis: 'y', value: NOISE_CLUMPINESS }],
      }),
    },
  ];
  if (facts.snr?.some(Number.isFinite)) {
    charts.push({
      title: 'Signal to noise',
      caption: 'Of all light in the grown segment; galaxies without noise are left out.',
      svg: await histogramChart({ ...FRAME, x: { label: 'signal to noise', scale: 'log' }, series: one(facts.snr) }),
    });
  }
  if (facts.segmentArea !== undefined) {
    charts.push({
      title: 'Area',
      caption: 'Of the grown segment: outside of it a template is zero.',
      svg: await histogramChart({ ...FRAME, x: { label: 'area', unit: 'pixels of the bank' }, series: one(facts.segmentArea) }),
    });
  }
  return charts;
}

/** Name, lowest, 16 %, median, 84 %, highest. */
export function quantileRows(survey: BankSurvey, facts: BankFacts): string[][] {
  const rows: [string, Float64Array | undefined][] = [
    ['half-light radius, arcsec', survey.hlrArcsec],
    ['clumpiness', survey.clumpiness],
    ['signal to noise', facts.snr],
    ['area, pixels', facts.segmentArea],
  ];
  return rows.flatMap(([name, values]) => {
    const sorted = values?.filter(Number.isFinite).sort();
    if (sorted === undefined || sorted.length === 0) return [];
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))].toPrecision(4);
    return [[name, at(0), at(0.16), at(0.5), at(0.84), at(1)]];
  });
}

/** At most this many screen pixels a stamp. */
const STAMP_SCREEN = 128;

/** A picture of up to `most` templates, evenly spaced through the bank; none where none is wanted or can be used. */
export async function contactSheet(bank: InjectionBank, survey: BankSurvey, facts: BankFacts, most: number): Promise<RunChart[]> {
  const wanted = Math.min(most, bank.count);
  const chosen = Array.from({ length: wanted }, (_, at) => Math.floor((at * bank.count) / wanted));
  const { images } = await usableImages(bank, chosen);
  if (images.length === 0) return [];
  const stamps = images.map(([index, image]) => ({
    planes: [image] as const,
    caption: [
      `${index}: ${survey.hlrArcsec[index].toFixed(2)}", clump. ${survey.clumpiness[index].toFixed(2)}`,
      Number.isFinite(facts.snr?.[index]) ? `S/N ${facts.snr?.[index].toFixed(0)}` : '',
    ],
  }));
  const enlarge = Math.max(1, Math.round(STAMP_SCREEN / bank.side));
  const sheet = await stampGrid(stamps, { size: bank.side, enlarge, columns: 8 });
  const png = Buffer.from(encodePng(sheet)).toString('base64');
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${sheet.width} ${sheet.height}" role="img"><image width="${sheet.width}" height="${sheet.height}" href="data:image/png;base64,${png}"/></svg>`;
  const caption = 'Number in the bank, half-light radius, clumpiness, signal to noise.';
  return [{ title: `${images.length} of ${bank.count} templates`, caption, svg }];
}
