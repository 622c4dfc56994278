// Detection filter: 16 x 16 pixels of a tile from a block that the workgroup holds. Docs: docs/kernels/filter-matched.md. Twin: kernels/filter-matched/cpu.ts.

override WIDTH: u32;
override HEIGHT: u32;
override KERNEL_WIDTH: u32;
override KERNEL_HEIGHT: u32;
override MATCHED: bool;
override BLOCK_PIXELS: u32;
override WEIGHT_PIXELS: u32;

const SIDE = 16u;

@group(0) @binding(0) var<storage, read> kernel: array<f32>;
@group(0) @binding(1) var<storage, read> data: array<f32>;
@group(0) @binding(2) var<storage, read> weights: array<f32>;
@group(0) @binding(3) var<storage, read_write> filtered: array<f32>;
@group(0) @binding(4) var<storage, read_write> significance: array<f32>;

var<workgroup> block: array<f32, BLOCK_PIXELS>;
var<workgroup> block_weights: array<f32, WEIGHT_PIXELS>;

@compute @workgroup_size(SIDE, SIDE)
fn filter_tiles(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let columns = WIDTH + KERNEL_WIDTH - 1u;
  let rows = HEIGHT + KERNEL_HEIGHT - 1u;
  let block_columns = SIDE + KERNEL_WIDTH - 1u;
  let corner = SIDE * group.xy;
  for (var at = lane; at < BLOCK_PIXELS; at += SIDE * SIDE) {
    let x = corner.x + at % block_columns;
    let y = corner.y + at / block_columns;
    var value = 0.0;
    var weight = 0.0;
    if (x < columns && y < rows) {
      let source = (group.z * rows + y) * columns + x;
      value = data[source];
      if (MATCHED) { weight = weights[source]; }
    }
    block[at] = value;
    if (MATCHED) { block_weights[at] = weight; }
  }
  workgroupBarrier();

  let x = corner.x + local.x;
  let y = corner.y + local.y;
  if (x >= WIDTH || y >= HEIGHT) { return; }
  // Row by row: the error of a sum grows with the taps of a row and with the rows, not with their product.
  var plain = 0.0;
  // Of k w d, and k^2 w.
  var sums = vec2f(0.0);
  for (var j = 0u; j < KERNEL_HEIGHT; j++) {
    var plain_row = 0.0;
    var row = vec2f(0.0);
    let first = (local.y + j) * block_columns + local.x;
    for (var i = 0u; i < KERNEL_WIDTH; i++) {
      let tap = kernel[j * KERNEL_WIDTH + i];
      let value = block[first + i];
      plain_row += tap * value;
      if (MATCHED) {
        let weighted = tap * block_weights[first + i];
        row += weighted * vec2f(value, tap);
      }
    }
    plain += plain_row;
    sums += row;
  }
  let to = (group.z * HEIGHT + y) * WIDTH + x;
  filtered[to] = plain;
  if (MATCHED) {
    significance[to] = select(0.0, sums.x / sqrt(select(1.0, sums.y, sums.y > 0.0)), sums.y > 0.0);
  } else if (x == 0u && y == 0u) {
    significance[group.z] = 0.0;
  }
}
