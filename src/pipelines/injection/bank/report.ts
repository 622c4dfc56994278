/** The page of a bank: what its templates look like, and whether they are galaxies. */
import { openStoreOf } from '../../../io/store/store.ts';
import { runPage } from '../../../report/run-page.ts';
import type { StageContext, StageResult } from '../../stage.ts';
import { bankFacts } from './bank-facts.ts';
import { type BankConfig, required } from './config.ts';
import { testWithNoise } from './noise-test.ts';
import { openTemplateBank } from './open.ts';
import { bankCharts, contactSheet, quantileRows } from './report-figures.ts';
import { NOISE_CLUMPINESS, NOISE_HLR_SHARE, surveyBank } from './survey-bank.ts';

/** More noise-like templates than this make the bank a NO-GO. */
const MOST_NOISE_LIKE = 0.01;

/** Writes the page; `no-go` when the bank looks like noise, holds templates that cannot be used, or the rules let noise pass. */
export async function reportBank(context: StageContext, config: BankConfig): Promise<StageResult> {
  const location = required(config, 'bank', 'bank report');
  const bank = await openTemplateBank(location);
  try {
    const facts = await bankFacts(location);
    const pixscaleArcsec = bank.pixscaleArcsec ?? config.srcPixscaleArcsec;
    const survey = await surveyBank(bank, pixscaleArcsec, (done) => context.log.progress('templates', done, bank.count));
    const noise = testWithNoise(config, config.noiseTestStamps, config.seed);
    const accepted = noise.reduce((sum, kind) => sum + kind.accepted, 0);
    const stamps = noise.reduce((sum, kind) => sum + kind.stamps, 0);
    const noiseLike = survey.noiseLike.reduce((sum, one) => sum + one, 0);
    const share = noiseLike / bank.count;
    const isNoise = share > MOST_NOISE_LIKE;
    const noGo = isNoise || survey.unusable > 0 || accepted > 0;
    const width = bank.side * pixscaleArcsec;
    const html = runPage({
      title: 'Template bank',
      text: `${location}: ${bank.count} templates of ${bank.side} x ${bank.side} pixels of ${pixscaleArcsec} arcsec${bank.pixscaleArcsec === undefined ? ' (the bank does not say; from the config)' : ''}.`,
      headlines: [
        { value: bank.count.toLocaleString('en-US'), label: 'templates' },
        { value: `${median(survey.hlrArcsec).toFixed(3)}"`, label: 'median half-light radius' },
        { value: percent(share), label: 'look like noise cut at zero', tone: isNoise ? 'no-go' : 'go' },
        { value: String(survey.unusable), label: 'cannot be used', tone: survey.unusable > 0 ? 'no-go' : 'go' },
        { value: `${accepted} of ${stamps}`, label: 'stamps of pure noise pass the rules', tone: accepted > 0 ? 'no-go' : 'go' },
      ],
      sections: [
        {
          title: 'Galaxies or noise',
          text: noiseText(share, width),
          blocks: [
            {
              kind: 'table',
              head: ['noise', 'cut at zero before', 'stamps', 'became templates'],
              rows: noise.map((kind) => [
                kind.correlationPx === 0 ? 'white' : `smoothed by ${kind.correlationPx} px`,
                kind.rectified ? 'yes' : 'no',
                String(kind.stamps),
                String(kind.accepted),
              ]),
            },
          ],
        },
        {
          title: 'Distributions',
          text: 'Half-light radius and clumpiness are measured on the templates, about their centroids; signal to noise and area are what the bank says.',
          blocks: [
            { kind: 'charts', charts: await bankCharts(survey, facts, width) },
            {
              kind: 'table',
              head: ['quantity', 'lowest', '16 %', 'median', '84 %', 'highest'],
              rows: quantileRows(survey, facts),
            },
          ],
        },
        {
          title: 'Templates',
          text: `A sample evenly spaced through the bank, asinh stretch, each to its own white.`,
          blocks: [{ kind: 'charts', charts: await contactSheet(bank, survey, facts, config.sheetTemplates) }],
        },
        ...(survey.unusable === 0
          ? []
          : [
              {
                title: 'Templates that cannot be used',
                text: `${survey.unusable} in all; rows that draw one of them fail.`,
                blocks: [
                  {
                    kind: 'table' as const,
                    head: ['template', 'why'],
                    rows: survey.reasons.map(({ index, reason }) => [String(index), reason]),
                  },
                ],
              },
            ]),
        {
          title: 'Where it is from',
          text: facts.attributes.length === 0 ? 'The bank does not say.' : 'Attributes of the file.',
          blocks: [{ kind: 'table', head: ['attribute', 'value'], rows: facts.attributes }],
        },
      ],
    });
    const page = config.report ?? `${location}.report.html`;
    await put(page, html);
    return {
      outcome: noGo ? 'no-go' : 'done',
      counts: { templates: bank.count, noise_like: noiseLike, unusable: survey.unusable, noise_stamps_accepted: accepted },
      outputs: [page],
      summary: [
        `${bank.count} templates, half-light radius ${median(survey.hlrArcsec).toFixed(3)} arcsec, clumpiness ${median(survey.clumpiness).toFixed(3)} (medians)`,
        `${percent(share)} look like noise that was cut at zero${isNoise ? ': build the bank again without rectifying' : ''}`,
        `${accepted} of ${stamps} stamps of pure noise pass the rules of this config`,
        ...(survey.unusable > 0 ? [`${survey.unusable} templates cannot be used`] : []),
      ],
    };
  } finally {
    await bank.close();
  }
}

function noiseText(share: number, widthArcsec: number): string {
  const [low, high] = NOISE_HLR_SHARE.map((part) => (part * widthArcsec).toFixed(2));
  const verdict =
    share > MOST_NOISE_LIKE
      ? `${percent(share)} of this bank is in that corner: its light is mostly noise, and arcs drawn from it are too large and too rough.`
      : `${percent(share)} of this bank is in that corner.`;
  return `A stamp whose negative pixels were cut off keeps half of its noise as light, spread evenly. In 96 pixels of 0.03 arcsec such templates have half-light radii of 1.08 to 1.19 arcsec and a clumpiness of 0.33 to 0.98, whatever galaxy they hold; for stamps of ${widthArcsec.toFixed(2)} arcsec that is ${low} to ${high} arcsec and more than ${NOISE_CLUMPINESS}. ${verdict} The table says how many stamps of nothing but noise the rules of this config let pass.`;
}

async function put(location: string, html: string): Promise<void> {
  const { store, key } = await openStoreOf(location);
  try {
    await store.put(key, new TextEncoder().encode(html));
  } finally {
    await store.close();
  }
}

const percent = (share: number): string => `${(100 * share).toFixed(share < 0.1 ? 2 : 1)} %`;

function median(values: Float64Array): number {
  const sorted = values.filter(Number.isFinite).sort();
  return sorted[sorted.length >> 1] ?? Number.NaN;
}
