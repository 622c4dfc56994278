/** The projections by their three-letter code. */

import { cod, coe, coo, cop } from './conic.ts';
import { car, cea, cyp, mer } from './cylindrical.ts';
import { hpx } from './healpix.ts';
import { air, azp, szp } from './perspective.ts';
import { bon, pco } from './polyconic.ts';
import { zpn } from './polynomial-zenithal.ts';
import type { ProjectionFactory } from './projection.ts';
import { ait, mol, par, sfl } from './pseudocylindrical.ts';
import { qsc, tsc } from './quadcube.ts';
import { arc, sin, stg, tan, zea } from './zenithal.ts';

export const PROJECTIONS: ReadonlyMap<string, ProjectionFactory> = new Map([
  ['AZP', azp],
  ['SZP', szp],
  ['TAN', tan],
  ['STG', stg],
  ['SIN', sin],
  ['ARC', arc],
  ['ZPN', zpn],
  ['ZEA', zea],
  ['AIR', air],
  ['CYP', cyp],
  ['CEA', cea],
  ['CAR', car],
  ['MER', mer],
  ['COP', cop],
  ['COE', coe],
  ['COD', cod],
  ['COO', coo],
  ['SFL', sfl],
  ['PAR', par],
  ['MOL', mol],
  ['AIT', ait],
  ['BON', bon],
  ['PCO', pco],
  ['TSC', tsc],
  ['QSC', qsc],
  ['HPX', hpx],
]);
