//#import "lib/math.wgsl"

// A Poisson count from one random word, by inversion; twin and sources: kernels/inject-stamp/poisson.ts.

const POISSON_SEARCH_BELOW = 12.0;
const POISSON_LAST_TERM = 0x1p-25;

// Standard normal that is exceeded with probability (word + 1/2) / 2^32, to 3e-7 (PPND7 of Wichura 1988).
fn normal_of_word(word: u32) -> f32 {
  let upper = word >= 0x80000000u;
  let tail = (f32(select(word, ~word, upper)) + 0.5) * 0x1p-32f;
  let q = 0.5 - tail;
  var distance: f32;
  if (q <= 0.425) {
    let r = 0.180625 - q * q;
    distance = q * (((59.10937472 * r + 159.29113202) * r + 50.434271938) * r + 3.3871327179)
      / (((67.1875636 * r + 78.757757664) * r + 17.895169469) * r + 1.0);
  } else {
    let r = sqrt(-log_e(tail)) - 1.6;
    distance = (((0.17023821103 * r + 1.3067284816) * r + 2.75681539) * r + 1.4234372777)
      / ((0.12021132975 * r + 0.7370016425) * r + 1.0);
  }
  return select(distance, -distance, upper);
}

// 1 - e^-x, 0 <= x, with full relative accuracy near 0.
fn one_minus_exp(x: f32) -> f32 {
  if (x > 0.25) { return 1.0 - exp_e(-x); }
  return x * (1.0 - x * (0.5 - x * (0.16666666666666666 - x * (0.041666666666666664 - x * (8.333333333333333e-3 - x * 1.3888888888888889e-3)))));
}

// The Poisson count of mean lambda >= 0 that is exceeded with probability below (word + 1/2) / 2^32.
fn poisson_of_word(lambda: f32, word: u32) -> f32 {
  if (lambda >= POISSON_SEARCH_BELOW) {
    let w = normal_of_word(word);
    let root = sqrt(lambda);
    return max(0.0, floor(lambda + (root * w + ((2.0 + w * w) / 6.0 - w * (1.0 + 0.5 * w * w) / (36.0 * root)))));
  }
  let v = (f32(word) + 0.5) * 0x1p-32f;
  var term = exp_e(-lambda);
  var above = one_minus_exp(lambda);
  var count = 0.0;
  while (v < above && (count < lambda || term > POISSON_LAST_TERM)) {
    count += 1.0;
    term *= lambda / count;
    above -= term;
  }
  return count;
}
