/** The targets of a brick: its massive red galaxies, most on good pixels and some, on purpose, not. */
import { type PhiloxKey, PhiloxStream } from '../../core/rng.ts';
import type { ScalarColumn } from '../../io/table.ts';
import { depthFromPsfdepth, fluxFromMagnitude } from '../../sky/photometry.ts';
import { BANDS, type Band } from './bands.ts';
import { type Brick, primaryBox } from './brick-grid.ts';
import { psfArea } from './exposures.ts';
import type { Source } from './sources.ts';

const TARGET_TAG = 300;
/** Side of the stamp that a target should have good pixels on. */
export const STAMP = 64;
/** A target is at the edge when it is this near to the end of the brick's own area, pixels. */
const EDGE = 60;
/** Part of the targets that is taken from each kind of bad place. */
const DIFFICULT_PART = 0.025;
/** Regions of a brick: columns x rows. Of 20, three go to validation and three to the test, spread over the brick. */
const REGION_COLUMNS = 5;
const REGION_ROWS = 4;
const VAL_REGIONS = [6, 12, 18];
const TEST_REGIONS = [3, 9, 15];

/** What the maps of a band say about a source. */
export interface BandPlace {
  /** PSF size at its pixel, arcsec; 0 without coverage. */
  readonly psfSize: number;
  readonly invvar: number;
  /** Part of its stamp with inverse variance above 0. */
  readonly coverage: number;
}

export interface Candidate {
  readonly source: Source;
  /** 0-based pixel. */
  readonly x: number;
  readonly y: number;
  readonly bands: Record<Band, BandPlace>;
  /** maskbits at its pixel. */
  readonly mask: number;
}

const float = (name: string, unit: string, description: string, nullable = false): ScalarColumn => {
  return { name, type: 'float64', unit, description, nullable };
};

export const TARGET_COLUMNS: readonly ScalarColumn[] = [
  { name: 'brickname', type: 'string', description: 'RRRRsDDD' },
  float('ra', 'deg', 'J2000'),
  float('dec', 'deg', 'J2000'),
  { name: 'type', type: 'string', description: 'morphological type as Tractor names it' },
  ...['g', 'r', 'z', 'w1'].map((band) => float(`flux_${band}`, 'nanomaggy', 'total, true')),
  ...['r', 'z', 'w1'].map((band) => float(`${band}mag`, 'mag', 'AB')),
  float('rz', 'mag', 'r - z'),
  float('zw1', 'mag', 'z - W1'),
  float('shape_r', 'arcsec', 'semi-major half-light radius'),
  float('shape_e1', '', 'ellipticity component, East of North'),
  float('shape_e2', '', 'ellipticity component'),
  ...BANDS.map((band) => float(`psfsize_${band}`, 'arcsec', 'PSF size at the target', true)),
  float('psfdepth_r', 'mag', '5 sigma point-source depth at the target', true),
  float('ebv', 'mag', 'E(B-V)'),
  { name: 'region_id', type: 'int32', description: 'part of the brick' },
  { name: 'region_split', type: 'string', description: 'train, val or test' },
  { name: 'difficulty', type: 'string', description: 'edge, hole, mask: chosen because of it; none' },
];

export type TargetRow = Record<string, string | number | null>;

/** Density of hosts, per square degree, that gives enough to choose `targets` per brick from. */
export function hostDensity(brick: Brick, size: number, targets: number): number {
  const box = primaryBox(brick, size);
  const area = (box.ra2 - box.ra1) * Math.cos((brick.dec * Math.PI) / 180) * (box.dec2 - box.dec1);
  return (1.35 * targets + 20) / area;
}

/** Chooses targets among the hosts of a brick's own area; fewer when there are not so many. In the order of the sky, so that parts are local. */
export function chooseTargets(
  candidates: readonly Candidate[],
  count: number,
  brick: Brick,
  size: number,
  key: PhiloxKey,
): TargetRow[] {
  const random = new PhiloxStream(key, [brick.row, brick.column, TARGET_TAG]);
  const shuffled = candidates
    .map((candidate) => ({ candidate, order: random.uniform(), difficulty: difficultyOf(candidate, brick, size) }))
    .sort((a, b) => a.order - b.order);
  const ofKind = (kind: string) => shuffled.filter(({ difficulty }) => difficulty === kind);
  const least = Math.ceil(DIFFICULT_PART * count);
  const difficult = ['edge', 'mask', 'hole'].map(ofKind);
  // Where good places are few, as in small frames, the rest of the difficult ones fills up.
  const chosen = [
    ...difficult.flatMap((kind) => kind.slice(0, least)),
    ...ofKind('none'),
    ...difficult.flatMap((kind) => kind.slice(least)),
  ];
  return chosen
    .slice(0, count)
    .map(({ candidate, difficulty }) => targetRow(candidate, difficulty, brick, size))
    .sort((a, b) => Number(a.region_id) - Number(b.region_id) || Number(a.ra) - Number(b.ra));
}

function difficultyOf({ source, bands, mask }: Candidate, brick: Brick, size: number): 'hole' | 'mask' | 'edge' | 'none' {
  if (BANDS.some((band) => bands[band].coverage < 1)) return 'hole';
  if (mask !== 0) return 'mask';
  const box = primaryBox(brick, size);
  const pixel = 0.262 / 3600;
  const near = EDGE * pixel;
  const nearRa = near / Math.cos((brick.dec * Math.PI) / 180);
  const { ra, dec } = source;
  return ra - box.ra1 < nearRa || box.ra2 - ra < nearRa || dec - box.dec1 < near || box.dec2 - dec < near ? 'edge' : 'none';
}

function targetRow({ source, bands }: Candidate, difficulty: string, brick: Brick, size: number): TargetRow {
  const { mag, ra, dec, q, paRad } = source;
  const e = (1 - q) / (1 + q);
  const { psfSize, invvar } = bands.r;
  const region = regionOf(ra, dec, primaryBox(brick, size));
  return {
    brickname: brick.name,
    ra,
    dec,
    type: 'DEV',
    ...Object.fromEntries(Object.entries(mag).map(([band, value]) => [`flux_${band}`, fluxFromMagnitude(value)])),
    rmag: mag.r,
    zmag: mag.z,
    w1mag: mag.w1,
    rz: mag.r - mag.z,
    zw1: mag.z - mag.w1,
    shape_r: source.reffArcsec,
    shape_e1: e * Math.cos(2 * paRad),
    shape_e2: e * Math.sin(2 * paRad),
    ...Object.fromEntries(BANDS.map((band) => [`psfsize_${band}`, bands[band].psfSize || null])),
    psfdepth_r: invvar > 0 && psfSize > 0 ? depthFromPsfdepth(invvar / psfArea(psfSize)) : null,
    // Smooth, as Galactic cirrus is on this scale.
    ebv: 0.03 + 0.01 * Math.sin((40 * (ra * Math.PI)) / 180) * Math.cos((55 * (dec * Math.PI)) / 180),
    region_id: brick.id * REGION_COLUMNS * REGION_ROWS + region,
    region_split: TEST_REGIONS.includes(region) ? 'test' : VAL_REGIONS.includes(region) ? 'val' : 'train',
    difficulty,
  };
}

function regionOf(ra: number, dec: number, { ra1, ra2, dec1, dec2 }: ReturnType<typeof primaryBox>): number {
  const part = (value: number, low: number, high: number, count: number) =>
    Math.max(0, Math.min(count - 1, Math.floor(((value - low) / (high - low)) * count)));
  return part(dec, dec1, dec2, REGION_ROWS) * REGION_COLUMNS + part(ra, ra1, ra2, REGION_COLUMNS);
}
