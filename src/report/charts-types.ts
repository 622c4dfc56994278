/** What charts are described with, and the little of the DOM and of Plot that drawing them uses. */
import type { ChartTheme } from './charts-theme.ts';

/** The little of the DOM that drawing uses. */
export interface SvgNode {
  textContent: string | null;
  setAttribute(name: string, value: string): void;
  getAttribute(name: string): string | null;
  append(...children: SvgNode[]): void;
  remove(): void;
  querySelector(selector: string): SvgNode | null;
  querySelectorAll(selector: string): Iterable<SvgNode>;
}
export interface SvgDocument {
  createElementNS(namespace: string, name: string): SvgNode;
}

/** One axis: what is drawn along it, in which unit. */
export interface ChartAxis {
  readonly label: string;
  /** As astronomers write it: 'arcsec', 'nanomaggy', 's'. Shown in parentheses after the label. */
  readonly unit?: string;
  /** Default linear; on a logarithmic axis values that are not positive cannot be drawn, and the chart says how many there were. */
  readonly scale?: 'linear' | 'log';
  /** Lowest and highest value of the axis, default what the data cover. What lies outside is cut off. */
  readonly domain?: readonly [number, number];
}

/** A line across the chart that says what a value is to be compared with. */
export interface ChartGuide {
  readonly axis: 'x' | 'y';
  readonly value: number;
  readonly label?: string;
}

/** What every chart takes beside its data. */
export interface ChartFrame {
  readonly title: string;
  readonly subtitle?: string;
  /** Of the whole chart, CSS pixels, default 640 x 400. */
  readonly width?: number;
  readonly height?: number;
  /** Default `auto`. */
  readonly theme?: ChartTheme;
  readonly guides?: readonly ChartGuide[];
}

/** What a chart hands to {@link drawChart}: Plot's options, and what stands around the plot. */
export interface Drawing {
  readonly x: ChartAxis;
  readonly y: ChartAxis;
  /** Axes with lines across the plot at their numbers. */
  readonly grid?: readonly ('x' | 'y')[];
  /** Further options of Plot (marks, colour), made with the Plot that was loaded. */
  readonly plot: (plot: PlotModule) => Record<string, unknown>;
  readonly legend: readonly { readonly name: string; readonly colour: string }[];
  /** The scale of colours beside the plot, when values are drawn as colours. */
  readonly colourBar?: { readonly label: string };
  /** Sentences below the plot: what could not be drawn. */
  readonly notes: readonly string[];
}

export type PlotModule = typeof import('@observablehq/plot');

export interface PlotNode extends SvgNode {
  scale(name: string): { domain: (number | string)[]; type: string; apply(value: number): string } | undefined;
}

/** Text that XML can hold: control characters would make the file unreadable. */
export function clean(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed
  return text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '').toWellFormed();
}
