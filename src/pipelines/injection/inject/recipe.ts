/** What a campaign's config says about one row, resolved once: conventions, PSF, noise, bits, planes. */
import { ArcletError } from '../../../core/errors.ts';
import { type Conventions, conventions } from '../../../sky/conventions.ts';
import { fluxFromMagnitude } from '../../../sky/photometry.ts';
import { bitMask } from '../bits.ts';
import type { PlaneName } from '../columns.ts';
import type { InjectConfig } from '../config.ts';
import type { ConvolveOversample, RenderChoices } from '../render-plan.ts';

/** Electrons per nanomaggy of band b at a pixel: constant[b] + perInvvar[b] * invvar. */
export interface ArcGain {
  readonly constant: readonly number[];
  readonly perInvvar: readonly number[];
}

export interface Recipe {
  readonly bands: readonly string[];
  /** Index of the reference band: metrics without a band in their name are of it. */
  readonly reference: number;
  readonly pixscaleArcsec: number;
  readonly conventions: Conventions;
  readonly psf: {
    readonly model: 'moffat' | 'gaussian' | 'none';
    readonly beta: number;
    readonly useMaps: boolean;
    readonly fallbackArcsec: number;
  };
  readonly sourceMode: 'sersic' | 'template';
  readonly template: {
    readonly salt: string;
    readonly hash: 'blake2b' | 'sha256';
    readonly rotate: boolean;
    readonly pixscaleArcsec: number | undefined;
  };
  readonly coreRadiusPx: number;
  /** Undefined: no shot noise. */
  readonly gain: ArcGain | undefined;
  readonly choices: RenderChoices;
  readonly badBits: number;
  readonly wiseBits: number;
  readonly planes: readonly PlaneName[];
  readonly metricsOnly: boolean;
}

/** Of a checked config. Throws CONFIG_INVALID for a gain that lacks a band. */
export function recipeOf(config: InjectConfig): Recipe {
  const { bands } = config;
  const { thetaEConvention, rEffConvention, bnConvention, psfSizeSemantics } = config;
  const chosen = conventions(config.conventions, {
    ...(thetaEConvention === undefined ? {} : { thetaE: thetaEConvention }),
    ...(rEffConvention === undefined ? {} : { halfLight: rEffConvention }),
    ...(bnConvention === undefined ? {} : { bn: bnConvention }),
    ...(psfSizeSemantics === undefined ? {} : { psfSize: psfSizeSemantics }),
  });
  return {
    bands,
    reference: Math.max(0, bands.indexOf(config.referenceBand)),
    pixscaleArcsec: config.pixscaleArcsec,
    conventions: chosen,
    psf: {
      model: config.psfModel,
      beta: config.moffatBeta,
      useMaps: config.usePsfsizeMaps,
      fallbackArcsec: config.psfFallbackArcsec,
    },
    sourceMode: config.sourceMode === 'sersic' ? 'sersic' : 'template',
    template: {
      salt: config.templateSalt,
      hash: config.templateIndex,
      rotate: config.templateRotate,
      pixscaleArcsec: config.templatePixscaleArcsec,
    },
    coreRadiusPx: config.coreMaskRadius,
    gain: gainOf(config),
    choices: {
      oversample: config.oversample,
      convolveOversample: config.convolveOversample as ConvolveOversample,
      method: 'auto',
    },
    badBits: bitMask(config.badBits),
    wiseBits: bitMask(config.wiseBits),
    planes: config.planes,
    metricsOnly: config.metricsOnly,
  };
}

function gainOf({ gain, bands, skyMagArcsec2, pixscaleArcsec }: InjectConfig): ArcGain | undefined {
  if (gain === 'none' || gain === 0) return undefined;
  const none = bands.map(() => 0);
  const perBand = (record: Readonly<Record<string, number>>, key: string): number[] =>
    bands.map((band) => {
      if (Object.hasOwn(record, band)) return record[band];
      throw new ArcletError('CONFIG_INVALID', `${key} has no value for band '${band}'.`, {
        subject: key,
        remedy: `Give one for each of ${bands.join(', ')}.`,
      });
    });
  if (gain === 'invvar_sky') {
    // Limited by the sky: variance = S / g, so g = S * invvar with S the sky's flux in a pixel.
    const sky = perBand(skyMagArcsec2, 'sky_mag_arcsec2');
    return { constant: none, perInvvar: sky.map((mag) => fluxFromMagnitude(mag) * pixscaleArcsec * pixscaleArcsec) };
  }
  return { constant: typeof gain === 'number' ? bands.map(() => gain) : perBand(gain, 'gain'), perInvvar: none };
}
