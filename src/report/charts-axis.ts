/** Words and numbers along the axes of charts. */
import type { ChartAxis } from './charts-types.ts';

/** 'Flux (nanomaggy)', or the label alone for a pure number. */
export function axisLabel({ label, unit }: Pick<ChartAxis, 'label' | 'unit'>): string {
  return unit === undefined ? label : `${label} (${unit})`;
}

/** About how wide text is, px: there is no layout engine behind the document. Inter's mean advance, digits and lower case, is 0.58 em. */
export function labelWidth(text: string, size: number): number {
  return 0.58 * size * [...text].length;
}

const SUPERSCRIPT = '⁰¹²³⁴⁵⁶⁷⁸⁹';

function powerOfTen(exponent: number): string {
  const digits = [...String(Math.abs(exponent))].map((digit) => SUPERSCRIPT[Number(digit)]).join('');
  return `10${exponent < 0 ? '⁻' : ''}${digits}`;
}

/** A number as it stands at an axis: 1,500, 0.02, 3×10⁸, −4. */
export function formatNumber(value: number): string {
  if (value === 0) return '0';
  const size = Math.abs(value);
  const sign = value < 0 ? '−' : '';
  if (size >= 1e5 || size < 1e-3) {
    let exponent = Math.floor(Math.log10(size) + 1e-12);
    let factor = Number((size / 10 ** exponent).toPrecision(6));
    if (factor >= 10) [factor, exponent] = [factor / 10, exponent + 1];
    return sign + (factor === 1 ? powerOfTen(exponent) : `${factor}×${powerOfTen(exponent)}`);
  }
  return sign + Number(size.toPrecision(8)).toLocaleString('en-US', { maximumFractionDigits: 8 });
}

/** Every how many decades a logarithmic axis has a number, where about `room` of them fit. */
function decadeStep(low: number, high: number, room: number): number {
  return Math.max(1, Math.ceil(Math.log10(high / low) / room));
}

/** Ticks of a logarithmic axis: powers of ten, and their multiples where the axis covers at most five decades. */
export function logTicks(domain: readonly number[], room: number): number[] {
  const [low, high] = [Math.min(...domain), Math.max(...domain)];
  const every = decadeStep(low, high, room);
  const multiples = every === 1 && high / low <= 1e5 ? [1, 2, 3, 4, 5, 6, 7, 8, 9] : [1];
  const ticks: number[] = [];
  for (let exponent = Math.floor(Math.log10(low)); exponent <= Math.log10(high) + 1e-9; exponent++) {
    if (exponent % every !== 0) continue;
    for (const digit of multiples) ticks.push(Number(`${digit}e${exponent}`));
  }
  return ticks.filter((tick) => tick >= low * (1 - 1e-9) && tick <= high * (1 + 1e-9));
}

/**
 * What is written at the ticks of an axis. A logarithmic axis is named at powers of ten, and at 2 and 5 between them where it covers
 * less than two decades; `room` is about how many labels fit.
 */
export function tickFormatter(type: 'linear' | 'log', domain: readonly number[], room: number): (value: number) => string {
  if (type === 'linear') return formatNumber;
  const [low, high] = [Math.min(...domain), Math.max(...domain)];
  const decades = Math.log10(high / low);
  const every = decadeStep(low, high, room);
  return (value) => {
    const exponent = Math.floor(Math.log10(value) + 1e-9);
    const digit = Math.round(value / 10 ** exponent);
    if (digit === 1) return exponent % every === 0 ? formatNumber(Number(`1e${exponent}`)) : '';
    const named = decades < 0.8 || (decades < 2 && (digit === 2 || digit === 5));
    return named ? formatNumber(value) : '';
  };
}
