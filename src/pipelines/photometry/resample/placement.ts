/** Which part of the target an image covers. */
import { applyEdits, cutHeader, wcsFromHeader } from '../../../sky/wcs/index.ts';
import type { PixelBox } from '../field.ts';
import type { Grid } from './plan.ts';
import type { TargetGrid } from './target.ts';

/** Places along a side of an image where its outline and what is in it are looked up. */
const PLACES = 33;
/** A curved outline reaches a little further than the places on it, and kernels a few pixels over it. */
const REACH_PX = 8;
const REACH_PART = 0.01;

/** A box of the target that holds the image; undefined where the image lies outside, or nowhere on the target's projection. */
export function boxOn(target: Grid, source: Grid): PixelBox | undefined {
  const [stepX, stepY] = [source.width / (PLACES - 1), source.height / (PLACES - 1)];
  const unit = {
    // Places from edge to edge as columns of positions.
    x: Float64Array.from({ length: PLACES ** 2 }, (_, k) => stepX * (k % PLACES) - 0.5),
    y: Float64Array.from({ length: PLACES ** 2 }, (_, k) => stepY * Math.floor(k / PLACES) - 0.5),
  };
  const sky = source.wcs.pixelsToWorld(unit.x, unit.y);
  const { x, y } = target.wcs.worldToPixels(sky.lonDeg, sky.latDeg);
  let [left, right, bottom, top] = [Infinity, -Infinity, Infinity, -Infinity];
  for (let k = 0; k < x.length; k++) {
    if (Number.isNaN(x[k] + y[k])) continue;
    [left, right] = [Math.min(left, x[k]), Math.max(right, x[k])];
    [bottom, top] = [Math.min(bottom, y[k]), Math.max(top, y[k])];
  }
  if (!(right > -0.5 && left < target.width - 0.5 && top > -0.5 && bottom < target.height - 0.5)) return undefined;
  const [padX, padY] = [REACH_PX + REACH_PART * (right - left), REACH_PX + REACH_PART * (top - bottom)];
  const x0 = Math.max(0, Math.floor(left - padX));
  const y0 = Math.max(0, Math.floor(bottom - padY));
  const width = Math.min(target.width, Math.ceil(right + padX) + 1) - x0;
  const height = Math.min(target.height, Math.ceil(top + padY) + 1) - y0;
  return { x0, y0, width, height };
}

/** The grid of a box of the target. */
export function partOf({ header }: TargetGrid, { x0, y0, width, height }: PixelBox): Grid {
  return { wcs: wcsFromHeader(applyEdits(header, cutHeader(header, x0, y0, width, height))), width, height };
}
