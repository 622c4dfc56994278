/** One cell of one band, from its pixels to its PSF, its numbers and its pictures. */
import type { FittedStar } from '../../../sky/epsf/index.ts';
import { snake } from '../../schema.ts';
import { subtractBackground } from './background.ts';
import { type MadeEpsf, makeEpsf } from './build.ts';
import { cellQuality } from './cell-qa.ts';
import type { CellOutcome, CellTask, StarRow } from './cell-types.ts';
import { clearCell } from './clear-cell.ts';
import { type CutStar, cutStars } from './cutouts.ts';
import { CellFigures } from './figures.ts';
import { gateFacts } from './gate-facts.ts';
import { meanOf, medianOf } from './medians.ts';
import { type Selection, selectStars } from './select.ts';

/** Makes the PSF of a cell and draws its pictures into the cell's folder. What is wrong with the stars is an outcome, not an error. */
export async function makeCell(task: CellTask): Promise<CellOutcome> {
  const { frame, cell, section, settings, profile } = task;
  const background = subtractBackground(task);
  const selection = selectStars(task, background.image);
  const cut = cutStars(task, background.image, selection.stars, selection.neighbourhood);
  const made = makeEpsf(
    cut.map(({ cutout }) => cutout),
    profile,
    settings,
  );
  const used = made.fitted.filter((one) => one.rejected === undefined);
  const fitted: FittedStar[] = used.map(({ index, x, y, flux, background: level }) => ({
    cutout: cut[index].cutout,
    x,
    y,
    flux,
    background: level,
  }));

  await clearCell(task.folder);
  const figures = new CellFigures(task);
  await figures.background(background);
  await figures.selection(background, selection.stars, selection.seeds);
  await figures.stars('extracted_stars.png', cut);
  await figures.localBackground(cut);
  const { epsf, stamp, gate } = made;
  const note = `${made.starsUsed} of ${cut.length} stars`;
  let quality: Record<string, unknown> = { epsf_shape: null };
  if (epsf !== undefined && stamp !== undefined) {
    const usedStars = used.map(({ index }) => cut[index]);
    await figures.stars('used_stars.png', usedStars);
    quality = await cellQuality({ epsf, stamp, fitted, gate, note }, settings, figures);
  }

  const stars = cut.map((one, index) => starRow(task, one, index, made));
  const ranked = [...used].sort((one, other) => other.flux - one.flux);
  return {
    band: frame.band,
    tag: cell.tag,
    epsf: made.epsf,
    stamp: made.stamp,
    gate: made.gate,
    best: ranked.map(({ index }) => cut[index].cutout),
    jury: made.jury.map((index) => cut[index].cutout),
    meta: {
      band: frame.band,
      patch: cell.tag,
      x0: cell.x0,
      x1: cell.x0 + cell.width,
      y0: cell.y0,
      y1: cell.y0 + cell.height,
      epsf_ngrid: settings.epsfNgrid,
      psfstar_mode: settings.psfstarMode,
      gaia_snap_to_sep: settings.gaiaSnapToSep,
      gaia_mag_min: settings.gaiaMagMin,
      gaia_mag_max: settings.gaiaMagMax,
      nstars_seed: selection.seeds,
      nstars_sel: selection.stars.length,
      nstars_extract: cut.length,
      nstars_used: made.starsUsed,
      nstars_fitfail: made.starsFailed,
      patch_background: background.report,
      local_star_background: localSummary(cut),
      local_bkg_diagnostics: localDiagnostics(task, cut),
      ...quality,
      cfg: Object.fromEntries(Object.entries(settings).map(([key, value]) => [snake(key), value])),
      status: made.stamp === undefined ? 'fail' : 'ok',
      ...errorOf(made, selection),
      profile,
      section: { x0: section.x0, x1: section.x0 + section.width, y0: section.y0, y1: section.y0 + section.height },
      detections: selection.detected,
      candidates: selection.candidates,
      ...(selection.isolation === undefined ? {} : { isolation: selection.isolation }),
      gaia_aperture_radius_pix: selection.apertureRadius,
      builder: made.builder,
      gate: gateFacts(made.gate),
      stars,
    },
  };
}

function errorOf(made: MadeEpsf, selection: Selection): { error?: string } {
  const reasons = [made.error, selection.error].filter((reason) => reason !== undefined);
  return reasons.length === 0 ? {} : { error: reasons.join('; ') };
}

function starRow(task: CellTask, { star }: CutStar, index: number, made: MadeEpsf): StarRow {
  const { section } = task;
  const place = {
    id: star.id,
    x: star.x + section.x0,
    y: star.y + section.y0,
    origin: star.origin,
    contamination: star.contamination,
  };
  if (made.judges.includes(index)) return { ...place, use: 'judged' };
  const fit = made.fitted.find((one) => one.index === index);
  if (fit !== undefined && fit.rejected === undefined) return { ...place, use: 'made' };
  return { ...place, use: 'rejected', reason: fit?.rejected ?? made.error ?? 'no light' };
}

function localSummary(cut: readonly CutStar[]): Record<string, unknown> {
  const measured = cut.filter(({ localLevel }) => localLevel.status !== 'disabled');
  const levels = measured.map(({ localLevel }) => localLevel.level);
  return {
    local_bkg_nstars: measured.length,
    local_bkg_ok_nstars: measured.filter(({ localLevel }) => localLevel.status === 'ok').length,
    local_bkg_median: medianOf(levels),
    local_bkg_mean: meanOf(levels),
  };
}

function localDiagnostics({ settings }: CellTask, cut: readonly CutStar[]): Record<string, unknown> {
  if (!settings.starLocalBkgSubtract || !settings.saveStarLocalBackgroundDiagnostics) return { local_bkg_diag_nstars: 0 };
  const shown = Math.min(cut.length, settings.saveStarMontageMax);
  return { local_bkg_diag_nstars: shown, local_bkg_diag_status: shown === 0 ? 'skipped_no_stars' : 'ok' };
}
