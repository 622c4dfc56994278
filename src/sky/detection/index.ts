/** Sources of an image: background, extraction, apertures and shapes, after SExtractor and SEP. Pure functions on arrays, without I/O. */
export * from './apertures.ts';
export * from './apertures-ellipse.ts';
export { Background, BackgroundBuilder, type BackgroundOptions, measureBackground } from './background.ts';
export type { SplineKind } from './background-spline.ts';
export * from './extract.ts';
export * from './flux-radius.ts';
export * from './kron.ts';
export * from './windowed.ts';
