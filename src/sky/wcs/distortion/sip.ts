/**
 * SIP, the Spitzer polynomial distortion (Shupe et al. 2005, ASPC 347, 491): u' = u + A(u, v), v' = v + B(u, v) with u, v pixels from
 * CRPIX. AP and BP, where given, only start the inverse: they are a fit, good to 1e-2 pixels in many archives.
 */
import { type HeaderReader, keywordError } from '../header.ts';
import { type Distortion, newton } from './distortion.ts';
import { Polynomial2 } from './polynomial.ts';

/** The standard says 2 to 9; order 1 is met in the wild and harmless. */
const MAX_ORDER = 9;
/** Pixels; ten times better than promised. */
const TOLERANCE_PX = 1e-9;

/** The SIP of a header, or undefined where it has none. Throws INPUT_INVALID for half a pair or an order beyond 9. */
export function readSip(header: HeaderReader): SipDistortion | undefined {
  const a = readPolynomial(header, 'A', 'B');
  const b = readPolynomial(header, 'B', 'A');
  if (!a || !b) return undefined;
  const ap = readPolynomial(header, 'AP', 'BP');
  const bp = readPolynomial(header, 'BP', 'AP');
  return new SipDistortion(a, b, ap && bp ? [ap, bp] : undefined);
}

function readPolynomial(header: HeaderReader, name: string, partner: string): Polynomial2 | undefined {
  const order = header.integer(`${name}_ORDER`, 0, MAX_ORDER);
  if (order === undefined) return undefined;
  if (!header.has(`${partner}_ORDER`)) {
    throw keywordError(
      `${partner}_ORDER`,
      `${name}_ORDER is given without ${partner}_ORDER.`,
      `Give both, or remove the SIP keywords.`,
    );
  }
  const polynomial = new Polynomial2(order);
  for (let p = 0; p <= order; p++) {
    for (let q = 0; p + q <= order; q++) {
      const value = header.number(`${name}_${p}_${q}`);
      if (value !== undefined) polynomial.set(p, q, value);
    }
  }
  return polynomial;
}

/** SIP of one header, both ways. */
export class SipDistortion implements Distortion {
  readonly a: Polynomial2;
  readonly b: Polynomial2;
  readonly #start: readonly [Polynomial2, Polynomial2] | undefined;

  constructor(a: Polynomial2, b: Polynomial2, start?: readonly [Polynomial2, Polynomial2]) {
    this.a = a;
    this.b = b;
    this.#start = start;
  }

  forward(u: number, v: number, out: Float64Array): void {
    out[0] = u + this.a.value(u, v);
    out[1] = v + this.b.value(u, v);
  }

  /** Value and gradient of both components, for Newton's method. */
  readonly gradient = (u: number, v: number, out: Float64Array): void => {
    out[0] = u;
    out[1] = 1;
    out[2] = 0;
    out[3] = v;
    out[4] = 0;
    out[5] = 1;
    this.a.addGradient(u, v, out, 0);
    this.b.addGradient(u, v, out, 3);
  };

  inverse(a: number, b: number, out: Float64Array): boolean {
    const start = this.#start;
    if (start) {
      const u0 = a + start[0].value(a, b);
      const v0 = b + start[1].value(a, b);
      if (newton(this.gradient, a, b, u0, v0, TOLERANCE_PX, out)) return true;
    }
    return newton(this.gradient, a, b, a, b, TOLERANCE_PX, out);
  }
}
