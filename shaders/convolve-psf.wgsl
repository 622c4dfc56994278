//#import "lib/fft.wgsl"

// Linear convolution of cell planes with PSF stamps; twin of kernels/convolve-psf/{spectral,direct}.ts, where the methods are told.
// Spectral: rows and columns of the cells, rows of the PSF, then columns of the PSF with product and inverse, then inverse rows.
// A half spectrum holds the column frequencies 0 .. FFT_LENGTH/2 - 1, [column frequency][row frequency or row].

override SIZE: u32 = 1u;
override PAD: u32 = 0u;
override GRID: u32 = 1u;
override OVERSAMPLE: u32 = 1u;
override COMPONENTS: u32 = 1u;
override BANDS: u32 = 1u;
override RADIUS: u32 = 1u;
override STAMP: u32 = 1u; // side of a PSF stamp, samples
override RANK: u32 = 1u;

var<workgroup> sums: array<vec2f, FFT_LINES * FFT_LENGTH>;

// exp(-2 pi i f delta / M) of phase p from its non-negative half; nothing at M/2.
fn phase_at(half_row: vec2f, f: u32) -> vec2f {
  if (2u * f == FFT_LENGTH) { return vec2f(0.0); }
  return select(half_row, vec2f(half_row.x, -half_row.y), 2u * f > FFT_LENGTH);
}

// |f| of a frequency index, kept inside the tables at M/2.
fn folded(f: u32) -> u32 {
  return min(select(f, FFT_LENGTH - f, 2u * f > FFT_LENGTH), FFT_LENGTH / 2u - 1u);
}

@group(0) @binding(1) var<storage, read> row_phases: array<vec2f>;
@group(0) @binding(2) var<storage, read> cells: array<f32>;
@group(0) @binding(3) var<storage, read_write> cell_rows: array<vec2f>;

// Two real rows in one complex line, FFT_LINES such pairs in a group. The phases are summed before the two rows are taken apart: both are linear.
@compute @workgroup_size(64)
fn transform_cell_rows(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let side = GRID * OVERSAMPLE;
  let half = FFT_LENGTH / 2u;
  let plane = group.z * COMPONENTS + group.y;
  let first = 2u * FFT_LINES * group.x;
  for (var p = 0u; p < OVERSAMPLE; p++) {
    for (var i = lane; i < FFT_LINES * FFT_LENGTH; i += FFT_LANES) {
      let n = i % FFT_LENGTH;
      let y = first + 2u * (i / FFT_LENGTH);
      var value = vec2f(0.0);
      if (n < GRID && y < side) {
        let at = (plane * side + y) * side + n * OVERSAMPLE + p;
        value.x = cells[at];
        if (y + 1u < side) { value.y = cells[at + side]; }
      }
      fft_data[i] = value;
    }
    let found = fft_forward(lane, 0u);
    for (var i = lane; i < FFT_LINES * FFT_LENGTH; i += FFT_LANES) {
      let f = i % FFT_LENGTH;
      let term = complex_mul(phase_at(row_phases[p * half + folded(f)], f), fft_data[found + i]);
      sums[i] = term + select(sums[i], vec2f(0.0), p == 0u);
    }
  }
  workgroupBarrier();
  for (var i = lane; i < FFT_LINES * half; i += FFT_LANES) {
    let line = i % FFT_LINES;
    let f = i / FFT_LINES;
    let y = first + 2u * line;
    if (y >= side) { continue; }
    let plus = sums[line * FFT_LENGTH + f];
    let minus = sums[line * FFT_LENGTH + (FFT_LENGTH - f) % FFT_LENGTH];
    cell_rows[((plane * OVERSAMPLE + y % OVERSAMPLE) * half + f) * GRID + y / OVERSAMPLE] = even_part(plus, minus);
    if (y + 1u >= side) { continue; }
    cell_rows[((plane * OVERSAMPLE + (y + 1u) % OVERSAMPLE) * half + f) * GRID + (y + 1u) / OVERSAMPLE] = odd_part(plus, minus);
  }
}

// Spectra of the real and of the imaginary part of a line whose spectrum is `plus` at f and `minus` at -f.
fn even_part(plus: vec2f, minus: vec2f) -> vec2f {
  return 0.5 * vec2f(plus.x + minus.x, plus.y - minus.y);
}

fn odd_part(plus: vec2f, minus: vec2f) -> vec2f {
  return 0.5 * vec2f(plus.y + minus.y, minus.x - plus.x);
}

@group(0) @binding(1) var<storage, read> column_phases: array<vec2f>;
@group(0) @binding(2) var<storage, read> gains: array<f32>;
@group(0) @binding(3) var<storage, read> made_cell_rows: array<vec2f>;
@group(0) @binding(4) var<storage, read_write> spectra: array<vec2f>;

// FFT_LINES column frequencies in a group: sum over the row phases, response of a cell divided out.
@compute @workgroup_size(64)
fn transform_cell_columns(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let half = FFT_LENGTH / 2u;
  let plane = group.z * COMPONENTS + group.y;
  let first = FFT_LINES * group.x;
  for (var p = 0u; p < OVERSAMPLE; p++) {
    for (var i = lane; i < FFT_LINES * FFT_LENGTH; i += FFT_LANES) {
      let n = i % FFT_LENGTH;
      let fx = first + i / FFT_LENGTH;
      var value = vec2f(0.0);
      if (n < GRID && fx < half) { value = made_cell_rows[((plane * OVERSAMPLE + p) * half + fx) * GRID + n]; }
      fft_data[i] = value;
    }
    let found = fft_forward(lane, 0u);
    for (var i = lane; i < FFT_LINES * FFT_LENGTH; i += FFT_LANES) {
      let f = i % FFT_LENGTH;
      let term = complex_mul(phase_at(column_phases[p * half + folded(f)], f), fft_data[found + i]);
      sums[i] = term + select(sums[i], vec2f(0.0), p == 0u);
    }
  }
  for (var i = lane; i < FFT_LINES * FFT_LENGTH; i += FFT_LANES) {
    let f = i % FFT_LENGTH;
    let fx = first + i / FFT_LENGTH;
    if (fx < half) { spectra[(plane * half + fx) * FFT_LENGTH + f] = gains[fx * half + folded(f)] * sums[i]; }
  }
}

@group(0) @binding(1) var<storage, read> blurs: array<u32>;
@group(0) @binding(2) var<storage, read> psfs: array<f32>;
@group(0) @binding(3) var<storage, read_write> psf_rows: array<vec2f>;

// PSF stamps about the origin, FFT_LINES row pairs in a group.
@compute @workgroup_size(64)
fn transform_psf_rows(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let half = FFT_LENGTH / 2u;
  let plane = group.z * BANDS + group.y;
  if (blurs[plane] == 0u) { return; }
  let first = 2u * FFT_LINES * group.x;
  for (var i = lane; i < FFT_LINES * FFT_LENGTH; i += FFT_LANES) {
    let x = (i % FFT_LENGTH + RADIUS) % FFT_LENGTH;
    let y = first + 2u * (i / FFT_LENGTH);
    var value = vec2f(0.0);
    if (x < STAMP && y < STAMP) {
      let at = (plane * STAMP + y) * STAMP + x;
      value.x = psfs[at];
      if (y + 1u < STAMP) { value.y = psfs[at + STAMP]; }
    }
    fft_data[i] = value;
  }
  let found = fft_forward(lane, 0u);
  for (var i = lane; i < FFT_LINES * half; i += FFT_LANES) {
    let line = i % FFT_LINES;
    let f = i / FFT_LINES;
    let y = first + 2u * line;
    if (y >= STAMP) { continue; }
    let plus = fft_data[found + line * FFT_LENGTH + f];
    let minus = fft_data[found + line * FFT_LENGTH + (FFT_LENGTH - f) % FFT_LENGTH];
    psf_rows[(plane * half + f) * STAMP + y] = even_part(plus, minus);
    if (y + 1u < STAMP) { psf_rows[(plane * half + f) * STAMP + y + 1u] = odd_part(plus, minus); }
  }
}

@group(0) @binding(1) var<storage, read> blurs_of: array<u32>;
@group(0) @binding(2) var<storage, read> made_psf_rows: array<vec2f>;
@group(0) @binding(3) var<storage, read> made_spectra: array<vec2f>;
@group(0) @binding(4) var<storage, read> fluxes: array<f32>;
@group(0) @binding(5) var<storage, read_write> image_rows: array<vec2f>;

// Columns of the PSF, times the components' spectra by their fluxes, back to rows of the stamp: [row][column frequency].
@compute @workgroup_size(64)
fn multiply_columns(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let half = FFT_LENGTH / 2u;
  let plane = group.z * BANDS + group.y;
  if (blurs_of[plane] == 0u) { return; }
  let first = FFT_LINES * group.x;
  for (var i = lane; i < FFT_LINES * FFT_LENGTH; i += FFT_LANES) {
    let y = (i % FFT_LENGTH + RADIUS) % FFT_LENGTH;
    let fx = first + i / FFT_LENGTH;
    var value = vec2f(0.0);
    if (y < STAMP && fx < half) { value = made_psf_rows[(plane * half + fx) * STAMP + y]; }
    fft_data[i] = value;
  }
  let response = fft_forward(lane, 0u);
  for (var i = lane; i < FFT_LINES * FFT_LENGTH; i += FFT_LANES) {
    let f = i % FFT_LENGTH;
    let fx = first + i / FFT_LENGTH;
    var light = vec2f(0.0);
    if (fx < half && 2u * f != FFT_LENGTH) {
      for (var component = 0u; component < COMPONENTS; component++) {
        let of_item = group.z * COMPONENTS + component;
        light += fluxes[of_item * BANDS + group.y] * made_spectra[(of_item * half + fx) * FFT_LENGTH + f];
      }
    }
    fft_data[response + i] = complex_mul(light, fft_data[response + i]).yx;
  }
  let image = fft_forward(lane, response);
  for (var i = lane; i < FFT_LINES * SIZE; i += FFT_LANES) {
    let line = i % FFT_LINES;
    let y = i / FFT_LINES;
    let fx = first + line;
    if (fx < half) { image_rows[(plane * SIZE + y) * half + fx] = fft_data[image + line * FFT_LENGTH + PAD + y].yx; }
  }
}

@group(0) @binding(1) var<storage, read> blurs_here: array<u32>;
@group(0) @binding(2) var<storage, read> made_image_rows: array<vec2f>;
@group(0) @binding(3) var<storage, read> lensed: array<f32>;
@group(0) @binding(4) var<storage, read_write> convolved: array<f32>;

// Inverse of A + iB, A and B the half spectra of two rows of the stamp: its real and imaginary part are the rows.
@compute @workgroup_size(64)
fn invert_rows(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let half = FFT_LENGTH / 2u;
  let plane = group.z * BANDS + group.y;
  let first = 2u * FFT_LINES * group.x;
  if (blurs_here[plane] == 0u) {
    for (var i = lane; i < 2u * FFT_LINES * SIZE; i += FFT_LANES) {
      let at = first * SIZE + i;
      if (at < SIZE * SIZE) { convolved[plane * SIZE * SIZE + at] = lensed[plane * SIZE * SIZE + at]; }
    }
    return;
  }
  for (var i = lane; i < FFT_LINES * FFT_LENGTH; i += FFT_LANES) {
    let f = i % FFT_LENGTH;
    let y = first + 2u * (i / FFT_LENGTH);
    let g = folded(f);
    var a = vec2f(0.0);
    var b = vec2f(0.0);
    if (2u * f != FFT_LENGTH && y < SIZE) {
      a = made_image_rows[(plane * SIZE + y) * half + g];
      if (y + 1u < SIZE) { b = made_image_rows[(plane * SIZE + y + 1u) * half + g]; }
    }
    // At -f both are conjugated. Parts swapped for the inverse.
    fft_data[i] = select(vec2f(a.y + b.x, a.x - b.y), vec2f(b.x - a.y, a.x + b.y), 2u * f > FFT_LENGTH);
  }
  let found = fft_forward(lane, 0u);
  let scale = 1.0 / f32(FFT_LENGTH * FFT_LENGTH);
  for (var i = lane; i < 2u * FFT_LINES * SIZE; i += FFT_LANES) {
    let row = i / SIZE;
    let x = i % SIZE;
    if (first + row >= SIZE) { continue; }
    let value = fft_data[found + (row / 2u) * FFT_LENGTH + PAD + x].yx;
    convolved[(plane * SIZE + first + row) * SIZE + x] = scale * select(value.x, value.y, row % 2u == 1u);
  }
}
