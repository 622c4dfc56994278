/** Area that a circle of radius `r` about (0, 0) and the rectangle from (0, 0) to (x, y) share, signed as x y is. */
function quadrant(x: number, y: number, r: number): number {
  const u = Math.min(Math.abs(x), r);
  const v = Math.min(Math.abs(y), r);
  const sign = Math.sign(x) * Math.sign(y);
  if (u * u + v * v <= r * r) return sign * u * v;
  const from = Math.sqrt(r * r - v * v);
  const segment = (t: number) => (t * Math.sqrt(Math.max(0, r * r - t * t)) + r * r * Math.asin(t / r)) / 2;
  return sign * (v * from + segment(u) - segment(from));
}

/** Sum of an image (width x width, row-major) within a circle about (x, y), pixels weighted by the area inside it (exact). */
export function circleSum(image: ArrayLike<number>, width: number, x: number, y: number, radius: number): number {
  let sum = 0;
  const height = image.length / width;
  for (let j = Math.max(0, Math.floor(y - radius)); j <= Math.min(height - 1, Math.ceil(y + radius)); j++) {
    for (let i = Math.max(0, Math.floor(x - radius)); i <= Math.min(width - 1, Math.ceil(x + radius)); i++) {
      const left = i - 0.5 - x;
      const low = j - 0.5 - y;
      const area =
        quadrant(left + 1, low + 1, radius) -
        quadrant(left, low + 1, radius) -
        quadrant(left + 1, low, radius) +
        quadrant(left, low, radius);
      if (area > 0) sum += area * image[j * width + i];
    }
  }
  return sum;
}
