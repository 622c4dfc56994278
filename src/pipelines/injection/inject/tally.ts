/** What a campaign has come to: rows by fate, parts, and where the time went. */
import type { Failure, StageResult } from '../../stage.ts';
import type { InjectedRow, Injector } from './injector.ts';

const FAILURES_KEPT = 100;
const FAILURES_SHOWN = 5;

/** Failures that say something of the sky, not of the run: the stamp cannot be used, and nothing went wrong. */
const UNUSABLE = /^(OUTSIDE_BRICK|NOT_FINITE|NO_COVERAGE):/;

export class Tally {
  rows = 0;
  #injected = 0;
  #controls = 0;
  #failed = 0;
  #partsWritten = 0;
  #partsSkipped = 0;
  #rowsSkipped = 0;
  readonly #remade: string[] = [];
  #bytesWritten = 0;
  #bytesRead = 0;
  #tiles = 0;
  /** Stamps that cannot be used, by code, with the first sentence of each: sentences name places, so there are as many as rows. */
  readonly #unusable = new Map<string, { count: number; example: string }>();
  readonly #failures: Failure[] = [];
  /** Threads run side by side: the parts may add up to more than the wall time. */
  readonly #seconds = { read: 0, decode: 0, upload: 0, compute: 0, readback: 0, measure: 0, encode_and_write: 0 };

  /** Rows that were written, and the seconds it took to encode and write them. */
  wrote(seconds: number, rows: readonly InjectedRow[]): void {
    this.#seconds.encode_and_write += seconds;
    for (const { metrics, arc } of rows) {
      this.rows++;
      if (metrics['is_control'] === 1) this.#controls++;
      if (arc !== undefined) this.#injected++;
      const failure = metrics['failure'] as string | null;
      if (failure === null) continue;
      const code = UNUSABLE.exec(failure)?.[1];
      if (code !== undefined) {
        const known = this.#unusable.get(code);
        if (known === undefined) this.#unusable.set(code, { count: 1, example: failure });
        else known.count++;
        continue;
      }
      this.#failed++;
      if (this.#failures.length < FAILURES_KEPT) this.#failures.push({ subject: String(metrics['task_id']), reason: failure });
    }
  }

  finishedPart(bytes: number): void {
    this.#partsWritten++;
    this.#bytesWritten += bytes;
  }

  /** Parts that were there already. */
  skip(parts: number, rows: number): void {
    this.#partsSkipped += parts;
    this.#rowsSkipped += rows;
  }

  /** Files that were there and could not be read: their parts are made again. */
  remake(files: readonly string[]): void {
    this.#remade.push(...files);
  }

  /** What an injector took; once, when it is done. */
  addTimings({ timings, painter }: Injector): void {
    const seconds = this.#seconds;
    seconds.read += timings.readSeconds;
    seconds.decode += timings.decodeSeconds;
    seconds.measure += timings.measureSeconds;
    seconds.upload += painter.timings.uploadSeconds;
    seconds.compute += painter.timings.computeSeconds;
    seconds.readback += painter.timings.readbackSeconds;
    this.#bytesRead += timings.bytes;
    this.#tiles += timings.tiles;
  }

  #unusableRows(): number {
    return [...this.#unusable.values()].reduce((sum, { count }) => sum + count, 0);
  }

  counts(): Record<string, number> {
    return {
      rows: this.rows,
      injected: this.#injected,
      controls: this.#controls,
      unusable: this.#unusableRows(),
      failed: this.#failed,
      parts_written: this.#partsWritten,
      parts_skipped: this.#partsSkipped,
      files_damaged: this.#remade.length,
      bytes_written: this.#bytesWritten,
      bytes_read: this.#bytesRead,
      tiles_decoded: this.#tiles,
    };
  }

  result(wallSeconds: number, outputs: readonly string[]): StageResult {
    const rate = wallSeconds > 0 ? this.rows / wallSeconds : 0;
    const summary = [
      `${this.rows} rows in ${this.#partsWritten} parts, ${rate.toFixed(rate < 10 ? 1 : 0)} rows/s: ${this.#injected} injected, ${this.#controls} controls, ${this.#unusableRows()} stamps that cannot be used, ${this.#failed} failed`,
    ];
    if (this.#partsSkipped > 0) summary.push(`${this.#partsSkipped} parts (${this.#rowsSkipped} rows) were there already`);
    if (this.#remade.length > 0)
      summary.push(
        `${this.#remade.length} files of parts were cut off or damaged and their parts made again, the first ${this.#remade[0]}`,
      );
    for (const { count, example } of this.#unusable.values()) summary.push(`  ${count} x ${example}`);
    for (const { subject, reason } of this.#failures.slice(0, FAILURES_SHOWN))
      summary.push(`  ${subject.slice(0, 12)}: ${reason}`);
    return {
      outcome: this.#failed > 0 ? 'failed-rows' : 'done',
      counts: this.counts(),
      seconds: { wall: wallSeconds, ...this.#seconds },
      failures: this.#failures,
      outputs,
      summary,
    };
  }
}
