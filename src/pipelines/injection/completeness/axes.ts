/** Axes of completeness: values of a grid as they are, continuous draws in bins. A code is a whole number per value or bin. */

/** The code of a value that is not known. */
export const MISSING: number = -(2 ** 26);
const LARGEST_CODE = 2 ** 26 - 1;
/** A grid is told from continuous draws by how many values it has. */
const MOST_VALUES = 40;
/** Values nearer than this are one: 0.1 + 0.2 is 0.3. */
const GRAIN = 1e-9;

export interface Range {
  readonly low: number;
  /** The value itself, or the middle of the bin. */
  readonly middle: number;
  readonly high: number;
}

export interface Axis {
  readonly label: string;
  readonly unit?: string;
  readonly kind: 'values' | 'bins';
  /** Of a bin. */
  readonly width: number;
  /** The values, ascending, of an axis of values. */
  readonly values?: readonly number[];
  codeOf(value: number): number;
  rangeOf(code: number): Range;
}

interface AxisName {
  readonly label: string;
  readonly unit?: string;
}

/** Bins `width` wide from 0 on; a value on an edge belongs to the bin above it. */
export function binAxis(name: AxisName, width: number): Axis {
  return {
    ...name,
    kind: 'bins',
    width,
    codeOf(value) {
      if (!Number.isFinite(value)) return MISSING;
      // 0.3 / 0.1 is 2.9999999999999996.
      const code = Math.floor(value / width + GRAIN);
      return Math.max(-LARGEST_CODE, Math.min(LARGEST_CODE, code));
    },
    rangeOf: (code) => ({ low: code * width, middle: (code + 0.5) * width, high: (code + 1) * width }),
  };
}

/** The values of a grid; between neighbours a cell ends half-way. `width` is that of a cell without neighbours. */
function valueAxis(name: AxisName, values: readonly number[], width: number): Axis {
  const codes = new Map(values.map((value, code) => [Math.round(value / GRAIN), code]));
  const between = (code: number) => (values[code] + values[code + 1]) / 2;
  return {
    ...name,
    kind: 'values',
    width,
    values,
    codeOf: (value) => codes.get(Math.round(value / GRAIN)) ?? MISSING,
    rangeOf(code) {
      const middle = values[code];
      const low = code > 0 ? between(code - 1) : undefined;
      const high = code < values.length - 1 ? between(code) : undefined;
      return {
        low: low ?? middle - (high === undefined ? width / 2 : high - middle),
        middle,
        high: high ?? middle + (low === undefined ? width / 2 : middle - low),
      };
    },
  };
}

/** Sees every value of a quantity, then says what its axis is: its values when there are at most 40, else bins. */
export class AxisScan {
  readonly #seen = new Set<number>();

  add(value: number): void {
    if (this.#seen.size <= MOST_VALUES && Number.isFinite(value)) this.#seen.add(Math.round(value / GRAIN));
  }

  axis(name: AxisName, width: number): Axis {
    if (this.#seen.size > MOST_VALUES) return binAxis(name, width);
    const values = [...this.#seen].sort((a, b) => a - b).map((grains) => Number((grains * GRAIN).toFixed(9)));
    return valueAxis(name, values, width);
  }
}

const RESOLUTION_EDGES = [0.4, 0.6, 0.8, 1];
/** Names of the resolution bins by code. */
export const RESOLUTION_LABELS: readonly string[] = ['<0.4', '0.4-0.6', '0.6-0.8', '0.8-1.0', '>=1.0'];

/** Einstein radius over PSF FWHM in five bins; the outer ones are open and drawn 0.2 wide. */
export const RESOLUTION_AXIS: Axis = {
  label: 'Einstein radius over PSF FWHM',
  kind: 'bins',
  width: 0.2,
  codeOf(value) {
    if (!Number.isFinite(value)) return MISSING;
    return RESOLUTION_EDGES.filter((edge) => value >= edge).length;
  },
  rangeOf: (code) => ({ low: 0.2 * (code + 1), middle: 0.2 * code + 0.3, high: 0.2 * (code + 2) }),
};
