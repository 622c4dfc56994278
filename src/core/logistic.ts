/** Logistic regression with a ridge, and what it scores on rows that it was not trained on. */
import { areaError, areaUnderRoc } from './rank-tests.ts';

/** Rows of features, row-major, and a label per row. */
export interface LabelledRows {
  /** [row, feature], finite. */
  readonly features: Float32Array | Float64Array;
  readonly width: number;
  /** 1 or 0 per row. */
  readonly labels: ArrayLike<number>;
}

export interface LogisticModel {
  /** Of the features as they came: standardisation is folded in. */
  readonly weights: Float64Array;
  readonly intercept: number;
  /** Newton steps that were taken. */
  readonly steps: number;
}

export interface LogisticOptions {
  /** Weight of half the squared norm of the standardised weights against the summed log loss, default 1 (1/C of scikit-learn). */
  readonly ridge?: number;
  /** Rows to train on, default all. */
  readonly rows?: Uint32Array;
}

const MOST_NEWTON_STEPS = 40;
const GRADIENT_TOLERANCE = 1e-9;

/** Mean and 1/standard deviation of each feature; a constant feature gets 0, which takes it out. */
function standards(features: ArrayLike<number>, width: number, rows: Uint32Array) {
  const mean = new Float64Array(width);
  const scale = new Float64Array(width);
  for (const row of rows) for (let k = 0; k < width; k++) mean[k] += features[row * width + k];
  for (let k = 0; k < width; k++) mean[k] /= rows.length;
  for (const row of rows) for (let k = 0; k < width; k++) scale[k] += (features[row * width + k] - mean[k]) ** 2;
  for (let k = 0; k < width; k++) {
    const deviation = Math.sqrt(scale[k] / rows.length);
    scale[k] = deviation > 1e-12 * Math.max(1, Math.abs(mean[k])) ? 1 / deviation : 0;
  }
  return { mean, scale };
}

/** log(1 + e^x) without overflow. */
const softplus = (x: number): number => (x > 0 ? x + Math.log1p(Math.exp(-x)) : Math.log1p(Math.exp(x)));

/** The standardised training rows with a last feature of ones, and the sums over them that a Newton step needs. */
class TrainingSet {
  readonly width: number;
  readonly #count: number;
  readonly #z: Float64Array;
  readonly #y: Float64Array;
  readonly #curvature: Float64Array;
  readonly #ridge: number;

  constructor(
    { features, width, labels }: LabelledRows,
    rows: Uint32Array,
    mean: Float64Array,
    scale: Float64Array,
    ridge: number,
  ) {
    this.width = width + 1;
    this.#count = rows.length;
    this.#ridge = ridge;
    this.#z = new Float64Array(rows.length * this.width).fill(1);
    this.#y = Float64Array.from(rows, (row) => labels[row]);
    this.#curvature = new Float64Array(rows.length);
    rows.forEach((row, index) => {
      for (let k = 0; k < width; k++) this.#z[index * this.width + k] = (features[row * width + k] - mean[k]) * scale[k];
    });
  }

  #margin(row: number, w: Float64Array): number {
    const start = row * this.width;
    let sum = 0;
    for (let k = 0; k < this.width; k++) sum += this.#z[start + k] * w[k];
    return sum;
  }

  /** The penalised loss; the intercept, last, has no penalty. */
  loss(w: Float64Array): number {
    let sum = 0;
    for (let k = 0; k < this.width - 1; k++) sum += 0.5 * this.#ridge * w[k] * w[k];
    for (let row = 0; row < this.#count; row++) {
      const margin = this.#margin(row, w);
      sum += softplus(margin) - this.#y[row] * margin;
    }
    return sum;
  }

  /** Gradient at w; keeps the curvature of each row there for {@link timesHessian}. */
  gradient(w: Float64Array): Float64Array {
    const out = w.map((value, k) => (k < this.width - 1 ? this.#ridge * value : 0));
    for (let row = 0; row < this.#count; row++) {
      const p = 1 / (1 + Math.exp(-this.#margin(row, w)));
      this.#curvature[row] = p * (1 - p);
      const residual = p - this.#y[row];
      for (let k = 0, at = row * this.width; k < this.width; k++) out[k] += residual * this.#z[at + k];
    }
    return out;
  }

  timesHessian(v: Float64Array): Float64Array {
    const out = v.map((value, k) => (k < this.width - 1 ? this.#ridge * value : 1e-10 * value));
    for (let row = 0; row < this.#count; row++) {
      const factor = this.#curvature[row] * this.#margin(row, v);
      for (let k = 0, at = row * this.width; k < this.width; k++) out[k] += factor * this.#z[at + k];
    }
    return out;
  }
}

const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, value, k) => sum + value * b[k], 0);

/** Solves H d = -g by conjugate gradients, to a hundredth of the gradient or better near the end. */
function newtonDirection(set: TrainingSet, gradient: Float64Array): Float64Array {
  const direction = new Float64Array(gradient.length);
  const residual = gradient.map((value) => -value);
  let search = residual.slice();
  let size = dot(residual, residual);
  const enough = size * Math.min(1e-4, Math.sqrt(size) / gradient.length ** 2);
  for (let step = 0; step < 2 * gradient.length && size > enough; step++) {
    const image = set.timesHessian(search);
    const length = size / dot(search, image);
    for (let k = 0; k < direction.length; k++) {
      direction[k] += length * search[k];
      residual[k] -= length * image[k];
    }
    const next = dot(residual, residual);
    search = residual.map((value, k) => value + (next / size) * search[k]);
    size = next;
  }
  return direction;
}

/**
 * Fits P(1) = 1/(1 + exp(-(w x + c))) by truncated Newton steps with halving, features standardised on the training rows. The loss is convex, so the
 * fit depends on nothing but the rows and the ridge.
 */
export function fitLogistic(data: LabelledRows, { ridge = 1, rows }: LogisticOptions = {}): LogisticModel {
  const training = rows ?? Uint32Array.from({ length: data.labels.length }, (_, row) => row);
  const { mean, scale } = standards(data.features, data.width, training);
  const set = new TrainingSet(data, training, mean, scale, ridge);
  let w = new Float64Array(set.width);
  let loss = set.loss(w);
  let steps = 0;
  for (; steps < MOST_NEWTON_STEPS; steps++) {
    const gradient = set.gradient(w);
    if (Math.sqrt(dot(gradient, gradient)) <= GRADIENT_TOLERANCE * training.length) break;
    const direction = newtonDirection(set, gradient);
    let length = 1;
    let tried = w;
    let found = Number.POSITIVE_INFINITY;
    for (; length > 1e-6; length /= 2) {
      tried = w.map((value, k) => value + length * direction[k]);
      found = set.loss(tried);
      if (found <= loss + 1e-4 * length * dot(gradient, direction)) break;
    }
    // The loss cannot be lowered any more in this arithmetic.
    if (!(found < loss)) break;
    [w, loss] = [tried, found];
  }
  const weights = Float64Array.from({ length: data.width }, (_, k) => w[k] * scale[k]);
  return { weights, intercept: w[data.width] - dot(weights, mean), steps };
}

/** w x + c of chosen rows. */
export function logisticScores(model: LogisticModel, features: ArrayLike<number>, rows: Uint32Array): Float64Array {
  const width = model.weights.length;
  return Float64Array.from(rows, (row) => {
    let sum = model.intercept;
    for (let k = 0; k < width; k++) sum += model.weights[k] * features[row * width + k];
    return sum;
  });
}

/** What a probe reaches on rows that it was not trained on. */
export interface CrossValidation {
  /** Mean area under the ROC curve over the folds. */
  readonly area: number;
  /**
   * Standard error of that area: by the number of rows (Hanley & McNeil 1982), times sqrt(1 + k/(k-1)) because the folds share their training rows
   * (Nadeau & Bengio 2003, Machine Learning 52, 239, eq. 9). On labels drawn by lot areas scatter by 0.8 to 1 of it.
   */
  readonly error: number;
  readonly areas: readonly number[];
  /** Score of each row by the model of the folds it was not in. */
  readonly scores: Float64Array;
}

/**
 * Cross-validated logistic regression. Rows of one group are always in one fold: rows that share a host would otherwise be known by heart.
 *
 * @param groups fold of each row, 0 .. folds - 1
 * @param options.independent how many positives and negatives are independent, where rows of one group repeat each other; default all
 */
export function crossValidate(
  data: LabelledRows,
  groups: ArrayLike<number>,
  folds: number,
  options: { readonly ridge?: number; readonly independent?: readonly [positives: number, negatives: number] } = {},
): CrossValidation {
  const rows = Uint32Array.from({ length: data.labels.length }, (_, row) => row);
  const scores = new Float64Array(rows.length).fill(Number.NaN);
  const areas: number[] = [];
  for (let fold = 0; fold < folds; fold++) {
    const held = rows.filter((row) => groups[row] === fold);
    const training = rows.filter((row) => groups[row] !== fold);
    const labels = Float64Array.from(held, (row) => data.labels[row]);
    const model = fitLogistic(data, { ridge: options.ridge, rows: training });
    const found = logisticScores(model, data.features, held);
    held.forEach((row, index) => {
      scores[row] = found[index];
    });
    const area = areaUnderRoc(found, labels);
    // A fold of one class only says nothing.
    if (Number.isFinite(area)) areas.push(area);
  }
  const area = areas.reduce((sum, value) => sum + value, 0) / areas.length;
  const positives = rows.reduce((sum, row) => sum + data.labels[row], 0);
  const [m, n] = options.independent ?? [positives, rows.length - positives];
  const shared = Math.sqrt(1 + folds / (folds - 1));
  return { area, error: shared * areaError(area, m, n), areas, scores };
}
