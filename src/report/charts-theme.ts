/** Colours of charts in light and in dark, as CSS variables that a theme fixes or that follow the reader's choice. */

/** `auto` follows the page's reader (prefers-color-scheme); a PNG needs one of the other two. */
export type ChartTheme = 'light' | 'dark' | 'auto';

/** What the parts of a chart are painted with; `series` in the order in which they are handed out. */
interface Palette {
  readonly ground: string;
  readonly ink: string;
  readonly quiet: string;
  readonly series: readonly string[];
}

/** Okabe and Ito's colours (2008), told apart with every kind of colour vision; yellow is left out, it is lost on white. */
const LIGHT: Palette = {
  ground: '#ffffff',
  ink: '#1d232e',
  quiet: '#566072',
  series: ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#b07a00', '#3d8fc4', '#6b5bb5', '#5c6470'],
};
const DARK: Palette = {
  ground: '#12151c',
  ink: '#dfe4ee',
  quiet: '#98a2b5',
  series: ['#5cb8f0', '#ff9150', '#35cfa2', '#eca1cb', '#f0bc42', '#92d2f7', '#ad9ff5', '#a9b2c2'],
};

export const INK = 'var(--chart-ink)';
export const QUIET = 'var(--chart-quiet)';
export const GROUND = 'var(--chart-ground)';

/** The colour of the series at `index`; after the last it begins again. */
export function seriesColour(index: number): string {
  return `var(--chart-${index % LIGHT.series.length})`;
}

/** A legend in the order of the series; one series needs none. */
export function legendOf(names: readonly string[]): { name: string; colour: string }[] {
  return names.length < 2 ? [] : names.map((name, index) => ({ name, colour: seriesColour(index) }));
}

function variables({ ground, ink, quiet, series }: Palette): [name: string, value: string][] {
  return [
    ['ground', ground],
    ['ink', ink],
    ['quiet', quiet],
    ...series.map((value, index): [string, string] => [String(index), value]),
  ];
}

/** The style element's text that gives the variables their values inside `.arclet-chart`. */
export function themeStyle(): string {
  const block = (palette: Palette) =>
    variables(palette)
      .map(([name, value]) => `--chart-${name}:${value}`)
      .join(';');
  return `.arclet-chart{${block(LIGHT)}}@media (prefers-color-scheme:dark){.arclet-chart{${block(DARK)}}}`;
}

/** `svg` with every variable replaced by the colour of one theme, for readers that know no CSS variables (resvg, image viewers). */
export function withTheme(svg: string, theme: 'light' | 'dark'): string {
  const values = new Map(variables(theme === 'light' ? LIGHT : DARK));
  return svg.replace(/var\(--chart-(\w+)\)/g, (_, name: string) => values.get(name)!);
}
