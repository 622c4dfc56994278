/**
 * Image positions of a point source: triangles of a polar grid that hold the source after mapping, then Newton steps with the Hessian.
 */
import { deflect, hessian, inverseMagnification, type LensParameters } from './models.ts';

export interface PointImage {
  /** Position in the lens plane, arcsec. */
  readonly x: number;
  readonly y: number;
  /** Signed magnification 1/det A. */
  readonly magnification: number;
}

export interface ImageSearch {
  /** Images are sought within this distance of the lens centre, arcsec. Default: four times the source distance plus ten times b or rs. */
  readonly radiusArcsec?: number;
  /** Rings and rays of the grid. Default 128: pairs closer than about 1 % of the radius on a caustic may merge and be missed. */
  readonly resolution?: number;
}

/** Fainter than any real image; what the softened centre of a singular lens would show. */
const NO_FLUX = 1e-9;

/**
 * Images of a point source at (betaX, betaY), arcsec, brightest first. Residuals of the lens equation are below 1e-12 arcsec. The image of no flux
 * at the centre of a singular lens (magnification below 1e-9) is not among them.
 */
export function pointImages(lens: LensParameters, betaX: number, betaY: number, search: ImageSearch = {}): PointImage[] {
  const distance = Math.hypot(betaX - lens.x, betaY - lens.y);
  const outer = search.radiusArcsec ?? 4 * distance + 10 * (lens.kappaS > 0 ? lens.rs : lens.b);
  const resolution = search.resolution ?? 128;
  const rings = resolution + 1;
  const gridX = new Float64Array(rings * resolution);
  const gridY = new Float64Array(rings * resolution);
  const sourceX = new Float64Array(rings * resolution);
  const sourceY = new Float64Array(rings * resolution);
  const alpha = new Float64Array(2);
  for (let ring = 0; ring < rings; ring++) {
    // Even in the square root of the radius: dense where images crowd, reaching the centre.
    const radius = outer * (ring / resolution) ** 2;
    for (let ray = 0; ray < resolution; ray++) {
      const angle = (2 * Math.PI * (ray + 0.37)) / resolution;
      const at = ring * resolution + ray;
      gridX[at] = lens.x + radius * Math.cos(angle);
      gridY[at] = lens.y + radius * Math.sin(angle);
      deflect(lens, gridX[at], gridY[at], alpha);
      sourceX[at] = gridX[at] - alpha[0] - betaX;
      sourceY[at] = gridY[at] - alpha[1] - betaY;
    }
  }
  const holdsSource = (i: number, j: number, k: number): boolean => {
    const a = sourceX[i] * sourceY[j] - sourceX[j] * sourceY[i];
    const b = sourceX[j] * sourceY[k] - sourceX[k] * sourceY[j];
    const c = sourceX[k] * sourceY[i] - sourceX[i] * sourceY[k];
    return (a >= 0 && b >= 0 && c >= 0) || (a <= 0 && b <= 0 && c <= 0);
  };
  const found: PointImage[] = [];
  const tryFrom = (i: number, j: number, k: number): void => {
    const start = [(gridX[i] + gridX[j] + gridX[k]) / 3, (gridY[i] + gridY[j] + gridY[k]) / 3] as const;
    const image = refine(lens, betaX, betaY, start[0], start[1]);
    if (image === null) return;
    if (!found.some((other) => Math.hypot(other.x - image.x, other.y - image.y) < 1e-7)) found.push(image);
  };
  for (let ring = 0; ring < resolution; ring++) {
    for (let ray = 0; ray < resolution; ray++) {
      const a = ring * resolution + ray;
      const b = ring * resolution + ((ray + 1) % resolution);
      const c = a + resolution;
      const d = b + resolution;
      if (holdsSource(a, b, c)) tryFrom(a, b, c);
      if (holdsSource(b, d, c)) tryFrom(b, d, c);
    }
  }
  return found.sort((one, other) => Math.abs(other.magnification) - Math.abs(one.magnification));
}

/** Damped Newton from a start; null when it does not settle or settles where there is no flux. */
function refine(lens: LensParameters, betaX: number, betaY: number, startX: number, startY: number): PointImage | null {
  const alpha = new Float64Array(2);
  const h = new Float64Array(3);
  const residual = (x: number, y: number): number => {
    deflect(lens, x, y, alpha);
    return Math.hypot(x - alpha[0] - betaX, y - alpha[1] - betaY);
  };
  let x = startX;
  let y = startY;
  let size = residual(x, y);
  for (let step = 0; step < 60 && size > 1e-14; step++) {
    deflect(lens, x, y, alpha);
    const rx = x - alpha[0] - betaX;
    const ry = y - alpha[1] - betaY;
    hessian(lens, x, y, h);
    const determinant = inverseMagnification(h);
    const dx = ((1 - h[2]) * rx + h[1] * ry) / determinant;
    const dy = ((1 - h[0]) * ry + h[1] * rx) / determinant;
    let factor = 1;
    let nextSize = residual(x - dx, y - dy);
    while (nextSize >= size && factor > 1e-6) {
      factor *= 0.5;
      nextSize = residual(x - factor * dx, y - factor * dy);
    }
    if (nextSize >= size) break;
    x -= factor * dx;
    y -= factor * dy;
    size = nextSize;
  }
  if (!(size < 1e-12)) return null;
  hessian(lens, x, y, h);
  const magnification = 1 / inverseMagnification(h);
  return Math.abs(magnification) < NO_FLUX ? null : { x, y, magnification };
}
