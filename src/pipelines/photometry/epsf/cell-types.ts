/** What goes to the worker that makes the PSF of one cell, and what comes back. Plain data: it crosses threads. */
import type { Acceptance, Epsf, StarCutout } from '../../../sky/epsf/index.ts';
import type { FitConfig, Profile } from '../config.ts';
import type { EpsfCell, PixelBox } from '../field.ts';
import type { OtherSource } from './isolation.ts';
import type { KnownSources } from './source-index.ts';

export type EpsfSettings = FitConfig['epsf'];

/** Where a star comes from: found in the image, listed by Gaia, or both. */
export type StarOrigin = 'sep' | 'gaia' | 'both';

/** Facts of a frame that a cell needs, fluxes scaled. */
export interface FrameFacts {
  readonly band: string;
  readonly sigmaSky: number;
  /** Infinity where the header has none. */
  readonly saturation: number;
  /** Electrons per scaled count. */
  readonly gain: number;
  readonly fwhmPx: number | undefined;
}

export interface CellTask {
  readonly frame: FrameFacts;
  readonly cell: EpsfCell;
  /** What was read: the cell, and under profile arclet a margin, clipped to the frame. */
  readonly section: PixelBox;
  /** Pixels of the section. */
  readonly image: Float32Array;
  readonly bad: Uint8Array;
  /** Gaia stars within the magnitudes of the config, pixels of the working frame, in the order of the file. */
  readonly seeds: { readonly x: Float64Array; readonly y: Float64Array };
  /** Sources of the catalogue in the section and around it. */
  readonly known: KnownSources;
  readonly profile: Profile;
  readonly settings: EpsfSettings;
  /** Folder of the cell, absolute, for pictures. */
  readonly folder: string;
  readonly dpi: number;
}

/** A star that was chosen for the PSF; positions in pixels of the section. */
export interface PsfStar {
  readonly id: number;
  readonly x: number;
  readonly y: number;
  readonly origin: StarOrigin;
  /** Light of neighbours over its own, see isolation.ts; 0 under profile tract7dt, which does not ask. */
  readonly contamination: number;
  /** Neighbours whose pixels are left out. */
  readonly others: readonly OtherSource[];
}

/** What other stars say of a PSF; undefined acceptance where there is no PSF. */
export interface GateReport {
  readonly acceptance: Acceptance | undefined;
  /** The judges had no part in making it. */
  readonly heldOut: boolean;
}

/** What became of a star; positions in pixels of the working frame. */
export interface StarRow {
  readonly id: number;
  readonly x: number;
  readonly y: number;
  readonly origin: StarOrigin;
  readonly contamination: number;
  readonly use: 'made' | 'judged' | 'rejected';
  readonly reason?: string;
}

export interface CellOutcome {
  readonly band: string;
  readonly tag: string;
  /** meta.json without what is known only when the band is done. */
  readonly meta: Readonly<Record<string, unknown>>;
  /** Undefined where none could be built. */
  readonly epsf: Epsf | undefined;
  /** The PSF on final_psf_size^2 pixels, sum 1. */
  readonly stamp: Float32Array | undefined;
  readonly gate: GateReport;
  /** Cutouts of the stars that count, brightest first, for the PSF of the whole frame. */
  readonly best: readonly StarCutout[];
  /** Cutouts of the stars that judged the PSF: they judge what may take its place, too. */
  readonly jury: readonly StarCutout[];
  /** Neither the other cells nor the header have stars of this width: the jury are no stars. */
  readonly isWide?: boolean;
}

/** Builds the PSF of the whole frame from stars of all cells. */
export interface FrameTask {
  readonly frame: FrameFacts;
  readonly cutouts: readonly StarCutout[];
  readonly profile: Profile;
  readonly settings: EpsfSettings;
}

export interface FrameOutcome {
  readonly epsf: Epsf | undefined;
  readonly stamp: Float32Array | undefined;
  readonly starsUsed: number;
  readonly gate: GateReport;
}
