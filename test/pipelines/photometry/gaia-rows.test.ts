import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { meanEpoch, movedPlace } from '../../../src/pipelines/photometry/augment/epoch.ts';
import { type GaiaRows, type GaiaWants, withGaia } from '../../../src/pipelines/photometry/augment/gaia-rows.ts';
import { readSeeds } from '../../../src/pipelines/photometry/epsf/gaia-seeds.ts';
import { wcsFromHeader } from '../../../src/sky/wcs/index.ts';
import { freshFolder, WCS_CARDS } from '../../support/fit-field.ts';

function tableOf(...lines: string[]): string {
  const path = join(freshFolder(), 'gaia.csv');
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

const WANTS: GaiaWants = { bands: ['g', 'r'], named: true, requireBands: false, epochYear: undefined };

async function read(path: string, wants: Partial<GaiaWants> = {}) {
  return withGaia(path, { ...WANTS, ...wants }, async ({ bandsWithout, unmoved, batches }) => {
    const all: GaiaRows[] = [];
    for await (const rows of batches()) all.push(rows);
    return { bandsWithout, unmoved, ...all[0] };
  });
}

describe('Gaia tables', () => {
  it('may have columns in any case, but a band is the filter of its own case', async () => {
    const path = tableOf('SOURCE_ID,RA,Dec,Phot_G_Mean_Mag,mag_G,MAG_r', '5853498713190525701,150,2,15,1,17');
    const { id, ra, dec, g, magnitudes, bandsWithout } = await read(path);
    expect(id).toEqual(['5853498713190525701']);
    expect([ra[0], dec[0], g[0], magnitudes.get('r')?.[0]]).toEqual([150, 2, 15, 17]);
    expect(bandsWithout).toEqual(['g']);
    await expect(read(path, { requireBands: true })).rejects.toMatchObject({ data: { missing: ['mag_g'] } });
  });

  it('takes the name as it is written before one that differs in capitals', async () => {
    const { ra, magnitudes } = await read(tableOf('source_id,RA,ra,dec,phot_g_mean_mag,MAG_r,mag_r', '1,9,150,2,15,8,17'));
    expect([ra[0], magnitudes.get('r')?.[0]]).toEqual([150, 17]);
  });

  it('names all that is missing, and needs no names for seeds', async () => {
    const path = tableOf('ra,mag_g', '1,2');
    await expect(read(path)).rejects.toMatchObject({ data: { missing: ['dec', 'source_id', 'phot_g_mean_mag'] } });
    await expect(read(path, { named: false })).rejects.toMatchObject({ data: { missing: ['dec'] } });
  });

  it('moves rows that have a motion, and says why where it moves none', async () => {
    const lines = ['source_id,ra,dec,phot_g_mean_mag,PMRA,pmdec,ref_epoch', '1,150,2,15,300,-400,2016', '2,150,2,15,,1,2016'];
    const { ra, dec, moved, unmoved } = await read(tableOf(...lines), { epochYear: 2026 });
    expect([[ra[0], dec[0]], [ra[1], dec[1]]]).toEqual([movedPlace(150, 2, 300, -400, 10), [150, 2]]); // biome-ignore format: pairs
    expect([[...moved], unmoved]).toEqual([[1, 0], undefined]);
    expect((await read(tableOf(...lines))).unmoved).toBe('no image has an epoch');
    const without = await read(tableOf('source_id,ra,dec,phot_g_mean_mag,pmra', '1,150,2,15,9'), { epochYear: 2026 });
    expect([without.unmoved, without.ra[0]]).toEqual(['there is no column pmdec, ref_epoch', 150]);
  });

  it('moves the stars of PSFs to the mean epoch of the images, which profile tract7dt has none of', async () => {
    const wcs = wcsFromHeader(WCS_CARDS as Record<string, string | number>);
    const [ra, dec] = wcs.pixelToWorld(40, 20);
    // 10 years of 1 arcsec to the north are 20 px.
    const path = tableOf(
      'source_id,RA,DEC,mag_m400,pmra,pmdec,ref_epoch',
      `1,${ra},${dec},15,0,1000,2016`,
      `2,${ra},${dec},15,,,2016`,
    );
    const frames = [{ epochYear: 2025 }, { epochYear: undefined }, { epochYear: 2027 }];
    const seeds = async (profile: 'arclet' | 'tract7dt') => {
      const area = { wcs, width: 100, height: 80 };
      const { byBand, unmoved } = await readSeeds(
        path,
        ['m400'],
        area,
        { gaiaMagMin: 10, gaiaMagMax: 30 },
        meanEpoch(frames, profile),
      );
      return { y: Array.from(byBand.get('m400')?.y ?? [], (y) => Math.round(y * 1e3) / 1e3), unmoved };
    };
    expect(await seeds('arclet')).toEqual({ y: [40, 20], unmoved: undefined });
    expect((await seeds('tract7dt')).y).toEqual([20, 20]);
  });
});
