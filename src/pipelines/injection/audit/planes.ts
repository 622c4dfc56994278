/** What the planes of a stamp say of each other, and of where the lens is. */
import { type Check, count, decide, none, type Rule, skip } from '../check/checks.ts';
import type { PixelFacts } from './pixels.ts';

const FINITE: Rule = {
  name: 'stamps-finite',
  threshold: '0 stamps with cutout_ok 1 that hold NaN',
  why: '0.08 % of the stamps of the originals did, and NaN in one stamp makes the loss of its whole batch NaN.',
};
const SUM: Rule = {
  name: 'image-is-host-plus-arc',
  threshold: '0 stamps of other pixels',
  why: 'Controls are the survey\u2019s pixels bit for bit, and so are injections where there is no arc: any other change is a trace.',
};
const ALIGNED: Rule = {
  name: 'alignment',
  threshold: 'mean offset of the arcs from the lens centre <= 0.1 px, or within 4 sigma',
  why: 'Sources lie all around their lens, so arcs are centred on average; those of the originals were half a pixel off their hosts.',
};

export function planeChecks({ stamps, notFinite, compared, notTheSum, offset }: PixelFacts): Check[] {
  const { x, y } = offset;
  const limit = (error: number) => Math.max(0.1, 4 * error);
  const off = Math.max(Math.abs(x.mean), Math.abs(y.mean));
  const isAligned = Math.abs(x.mean) <= limit(x.standardError) && Math.abs(y.mean) <= limit(y.standardError);
  const text = (mean: number, error: number) => `${mean.toFixed(3)} +- ${error.toFixed(3)}`;
  return [
    none(FINITE, notFinite, `Of ${count(stamps.length + notFinite)} stamps.`),
    compared === 0
      ? skip(SUM, 'There are no planes of hosts and arcs to compare with.')
      : none(SUM, notTheSum, `Of ${count(compared)} stamps.`),
    x.count < 20
      ? skip(ALIGNED, 'Fewer than 20 stamps have an arc plane, or a host plane to subtract.')
      : decide(ALIGNED, isAligned ? 'go' : 'no-go', `${off.toFixed(3)} px`, `x ${text(x.mean, x.standardError)}, y ${text(y.mean, y.standardError)} px, over ${count(x.count)} arcs.`), // biome-ignore format: one choice
  ];
}

/** The checks of stamps where there are none. */
export function noPlanes(reason: string): Check[] {
  return [FINITE, SUM, ALIGNED].map((rule) => skip(rule, reason));
}
