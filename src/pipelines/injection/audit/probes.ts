/** Linear probes: how well a label can be told from pixels that should not know it. */
import { type CrossValidation, crossValidate } from '../../../core/logistic.ts';
import { type RocCurve, rocCurve } from '../../../core/rank-tests.ts';
import { type Check, count, decide, type Rule, skip } from '../check/checks.ts';
import type { Expected } from '../check/context.ts';
import { EDGE_STATISTICS } from './geometry.ts';
import type { PixelFacts, PlaneFeatures, StampFeatures } from './pixels.ts';

/** Stamps of a class below which an area says nothing: its error is 0.04 at 100. */
export const LEAST_STAMPS = 100;
const FOLDS = 5;
/** asinh of this many sigma is where pixels go from linear to logarithmic. */
const SOFTENING_SIGMA = 3;

export interface ProbeResult {
  readonly name: string;
  readonly title: string;
  readonly features: number;
  readonly positives: number;
  readonly negatives: number;
  readonly area: number;
  /** One standard error. */
  readonly error: number;
  readonly folds: readonly number[];
  readonly curve: RocCurve;
}

export interface Probed {
  readonly checks: readonly Check[];
  readonly results: readonly ProbeResult[];
}

/** One row of a probe: its features and its label. */
interface Case {
  readonly values: Float32Array;
  readonly label: 0 | 1;
  readonly hostKey: number;
}

type Part = keyof PlaneFeatures;

/** Thresholds are on the lower end of the interval of two standard errors: an area that scatters above a limit does not refuse a set. */
type Judge = (result: ProbeResult) => Check['verdict'];
const above =
  (warn: number, noGo: number): Judge =>
  ({ area, error }) =>
    area - 2 * error > noGo ? 'no-go' : area - 2 * error > warn ? 'warn' : 'go';
/** Of what should tell nothing: 3 sigma from a coin is told, and refused when a tenth above it. */
const nothing: Judge = ({ area, error }) => {
  const off = Math.abs(area - 0.5);
  return off <= 3 * error ? 'go' : off - 2 * error > 0.1 ? 'no-go' : 'warn';
};
const signal: Judge = ({ area, error }) => (area - 2 * error > 0.98 || area + 2 * error < 0.55 ? 'warn' : 'go');

const CORE_WHY =
  'Sets of the originals were told apart by the core alone with 0.90 to 0.95, and networks trained on them looked there; 0.75 is a core brighter by one standard deviation of the hosts.';
const EDGE_WHY =
  'Far from the host there is no arc: sky that differs was treated differently in the two classes (noise added, pixels resampled, light wrapped around).';
const NULL_WHY =
  'Without their arcs injections are hosts like the controls: what still tells them apart is how the hosts were chosen, not lensing.';

const rule = (name: string, threshold: string, why: string): Rule => ({ name, threshold, why });
const CORE_LIMITS = 'AUC - 2 sigma <= 0.75; above 0.9 no-go';
const NULL_LIMITS = 'AUC 0.5 within 3 sigma; more than 0.1 off no-go';

const RULES = {
  core: rule('core-probe', CORE_LIMITS, CORE_WHY),
  coreAll: rule('core-probe-all-bands', CORE_LIMITS, CORE_WHY),
  coreOutside: rule('core-probe-wide-arcs', CORE_LIMITS, 'These arcs lie outside the core: what the core knows of them is no arc but a trace of the injection.'),
  annulus: rule('annulus-probe', '0.55 <= AUC <= 0.98 (warns only)', 'Arcs belong here, so a probe may find them; one that always does has arcs brighter than real ones, and one that never does has none.'),
  annulusAll: rule('annulus-probe-all-bands', '0.55 <= AUC <= 0.98 (warns only)', 'As in the reference band, with the colours.'),
  edge: rule('edge-probe', NULL_LIMITS, EDGE_WHY),
  brightness: rule('brightness-probe', 'AUC - 2 sigma <= 0.9 (warns only)', 'One number, the light within 16 pixels: above 0.9 a set can be sorted by brightness and needs no shape.'),
  nullCore: rule('null-core-probe', NULL_LIMITS, NULL_WHY),
  nullAnnulus: rule('null-annulus-probe', NULL_LIMITS, NULL_WHY),
}; // biome-ignore format: one list

/** Every probe that there are stamps for. */
export function probePixels(facts: PixelFacts, { bands, reference }: Expected): Probed {
  const soft = facts.noise.map((sigma) => SOFTENING_SIGMA * (sigma > 0 ? sigma : 1));
  const only = [bands.indexOf(reference)];
  const all = bands.map((_, band) => band);
  const positives = facts.stamps.filter(({ isControl }) => !isControl);
  const controls = facts.stamps.filter(({ isControl }) => isControl);
  const make = (part: Part, chosen: readonly number[], of: (stamp: StampFeatures) => PlaneFeatures = ({ image }) => image) => {
    return (stamp: StampFeatures, label: 0 | 1): Case => {
      return { values: valuesOf(of(stamp)[part], part, chosen, bands.length, soft), label, hostKey: stamp.hostKey };
    };
  };
  const both = (made: ReturnType<typeof make>, ones = positives) => [...ones.map((stamp) => made(stamp, 1)), ...controls.map((stamp) => made(stamp, 0))]; // biome-ignore format: one set
  const light = (stamp: StampFeatures, label: 0 | 1): Case => {
    const sum = (values: Float32Array) => values.subarray((only[0] * values.length) / bands.length, ((only[0] + 1) * values.length) / bands.length).reduce((total, value) => total + value, 0); // biome-ignore format: one sum
    return { values: Float32Array.of(Math.asinh((sum(stamp.image.core) + 9 * sum(stamp.image.annulus)) / soft[only[0]])), label, hostKey: stamp.hostKey }; // biome-ignore format: one record
  };
  const wide = positives.filter(({ outsideCore }) => outsideCore >= 1);
  const nulls = nullCases(positives, controls);
  const results: ProbeResult[] = [];
  const checks = [
    probe(RULES.core, `core, ${reference}`, both(make('core', only)), above(0.75, 0.9), results),
    probe(RULES.coreAll, 'core, all bands', both(make('core', all)), above(0.75, 0.9), results),
    probe(RULES.coreOutside, 'core, arcs outside it', both(make('core', only), wide), above(0.75, 0.9), results),
    probe(RULES.annulus, `annulus, ${reference}`, both(make('annulus', only)), signal, results),
    probe(RULES.annulusAll, 'annulus, all bands', both(make('annulus', all)), signal, results),
    probe(RULES.edge, 'sky at the edge, all bands', both(make('edge', all)), nothing, results),
    probe(RULES.brightness, `light within 16 px, ${reference}`, both(light), above(0.9, 1), results),
    ...(['core', 'annulus'] as const).map((part) => {
      const cases = nulls.cases.map(([stamp, label]) => make(part, only, nulls.planes)(stamp, label));
      return probe(
        part === 'core' ? RULES.nullCore : RULES.nullAnnulus,
        `${part} without arcs`,
        cases,
        nothing,
        results,
        nulls.what,
      );
    }),
  ];
  return { checks, results };
}

/** Injections by their host planes against controls; without such planes controls against controls, by lot. */
function nullCases(positives: readonly StampFeatures[], controls: readonly StampFeatures[]) {
  const withHost = positives.filter(({ host }) => host !== undefined);
  if (withHost.length >= LEAST_STAMPS) {
    const cases = [...withHost.map((stamp) => [stamp, 1] as const), ...controls.map((stamp) => [stamp, 0] as const)];
    return {
      cases,
      planes: ({ host, image }: StampFeatures) => host ?? image,
      what: 'Host planes of injections against controls.',
    };
  }
  // The bits of the hash below those that choose the folds.
  const cases = controls.map((stamp) => [stamp, Math.floor(stamp.hostKey * 2 ** 40) % 2 === 0 ? 0 : 1] as const);
  return {
    cases,
    planes: ({ image }: StampFeatures) => image,
    what: 'There are no host planes: controls against controls, by lot, which tests the probe itself.',
  };
}

/** asinh of pixels over their noise, the statistics of the edge in the units of the noise. */
function valuesOf(
  features: Float32Array,
  part: Part,
  chosen: readonly number[],
  bands: number,
  soft: readonly number[],
): Float32Array {
  const width = features.length / bands;
  const out = new Float32Array(chosen.length * width);
  chosen.forEach((band, index) => {
    for (let k = 0; k < width; k++) {
      const value = features[band * width + k];
      const isFlux = part !== 'edge' || !['skewness', 'share of zeros', 'correlation of neighbours'].includes(EDGE_STATISTICS[k]);
      out[index * width + k] = isFlux ? Math.asinh(value / soft[band]) : value;
    }
  });
  return out;
}

function probe(rule: Rule, title: string, cases: readonly Case[], judge: Judge, results: ProbeResult[], what = ''): Check {
  const positives = cases.reduce((held, { label }) => held + label, 0);
  const negatives = cases.length - positives;
  if (Math.min(positives, negatives) < LEAST_STAMPS) {
    return skip(
      rule,
      `${count(positives)} against ${count(negatives)} stamps; ${LEAST_STAMPS} of each are needed.${what === '' ? '' : ` ${what}`}`,
    );
  }
  const width = cases[0].values.length;
  const features = new Float32Array(cases.length * width);
  cases.forEach(({ values }, row) => {
    features.set(values, row * width);
  });
  const labels = Uint8Array.from(cases, ({ label }) => label);
  const folds = Uint8Array.from(cases, ({ hostKey }) => Math.floor(hostKey * FOLDS));
  // Rows of one host share its light: they count once in the error.
  const hosts = [1, 0].map((wanted) => new Set(cases.flatMap(({ label, hostKey }) => (label === wanted ? [hostKey] : []))).size);
  const found: CrossValidation = crossValidate({ features, width, labels }, folds, FOLDS, { independent: [hosts[0], hosts[1]] });
  if (!Number.isFinite(found.area)) return skip(rule, 'No fold has stamps of both classes: there are too few hosts.');
  const result = { name: rule.name, title, features: width, positives, negatives, area: found.area, error: found.error, folds: found.areas, curve: rocCurve(found.scores, labels) }; // biome-ignore format: one record
  results.push(result);
  const detail = `${count(positives)} against ${count(negatives)} stamps of ${count(hosts[0])} and ${count(hosts[1])} hosts, ${width} features, ${FOLDS} folds by host.${what === '' ? '' : ` ${what}`}`;
  return decide(rule, judge(result), `AUC ${found.area.toFixed(3)} +- ${found.error.toFixed(3)}`, detail);
}

/** The probes where there are no stamps. */
export function noProbes(reason: string): Check[] {
  return Object.values(RULES).map((rule) => skip(rule, reason));
}
