/** The maps of completeness as one table, a row per cell. */
import type { ScalarColumn } from '../../../io/table.ts';
import type { CompletenessMaps, MapCell } from './maps.ts';
import type { Table } from './tables.ts';

type Cell = number | string | null;

const real = (name: string, description: string): ScalarColumn => ({ name, type: 'float64', nullable: true, description });
const whole = (name: string, description: string): ScalarColumn => ({ name, type: 'int32', description });

const COLUMNS: readonly [ScalarColumn, (cell: MapCell) => Cell][] = [
  [real('x', 'value, or middle of the bin'), ({ ranges }) => ranges[0]?.middle ?? null],
  [real('x_low', 'lower edge'), ({ ranges }) => ranges[0]?.low ?? null],
  [real('x_high', 'upper edge'), ({ ranges }) => ranges[0]?.high ?? null],
  [real('y', 'value, or middle of the bin'), ({ ranges }) => ranges[1]?.middle ?? null],
  [real('y_low', 'lower edge'), ({ ranges }) => ranges[1]?.low ?? null],
  [real('y_high', 'upper edge'), ({ ranges }) => ranges[1]?.high ?? null],
  [whole('n_attempt', 'injections'), ({ attempt }) => attempt],
  [whole('n_valid_clean', 'valid, few bad pixels, little WISE masking'), ({ valid }) => valid],
  [whole('n_recovered_clean', ''), ({ recovered }) => recovered],
  [real('completeness_valid_clean', 'recovered / valid'), ({ ratio }) => ratio.value],
  [real('ci_low_valid_clean', ''), ({ ratio }) => ratio.low],
  [real('ci_high_valid_clean', ''), ({ ratio }) => ratio.high],
  [whole('n_regions', 'regions with valid clean injections'), ({ spread }) => spread.regions],
  [real('completeness_valid_clean_mean', 'over the regions, each counting once'), ({ spread }) => spread.mean],
  [real('completeness_valid_clean_std', 'sample standard deviation over the regions'), ({ spread }) => spread.std],
  [real('completeness_valid_clean_jackknife', 'error, one region left out at a time'), ({ spread }) => spread.jackknife],
  [real('completeness_weighted_clean', 'rows counted by cross_section_weight'), ({ weighted }) => weighted?.value ?? null],
  [real('n_effective_clean', '(sum w)^2 / sum w^2 of the valid rows'), ({ weighted }) => weighted?.effective ?? null],
  [real('ci_low_weighted_clean', 'interval of as many rows without weights'), ({ weighted }) => weighted?.low ?? null],
  [real('ci_high_weighted_clean', 'interval of as many rows without weights'), ({ weighted }) => weighted?.high ?? null],
];

/** All cells of all maps; what x and y are follows from the name of the map, such as theta_e_x_psf. */
export function mapsTable(maps: CompletenessMaps): Table {
  const cells = Object.values(maps).flatMap((map) => map.cells.map((cell) => ({ name: map.name, cell })));
  const name: ScalarColumn = { name: 'map_name', type: 'string', description: 'total, or the axes x and y' };
  return {
    schema: { columns: [name, ...COLUMNS.map(([column]) => column)] },
    rows: cells.length,
    *batches() {
      const columns = COLUMNS.map(([column, value]) => [column.name, cells.map(({ cell }) => value(cell))] as const);
      yield { rows: cells.length, columns: { map_name: cells.map((one) => one.name), ...Object.fromEntries(columns) } };
    },
  };
}
