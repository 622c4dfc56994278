/** What a person, or with --log-json a program, sees while a command works. All of it goes to stderr: stdout is for results. */
import { type ErrorCode, EXIT_STATUS, isArcletError } from '../core/errors.ts';

const HEARTBEAT_MS = 10_000;
const REDRAW_MS = 100;

export interface Log {
  info(event: string, message: string, data?: Record<string, unknown>): void;
  /** A line that is redrawn on a terminal and a heartbeat elsewhere. Call it as often as you like. */
  progress(what: string, done: number, total: number | undefined): void;
  /** Prints an error with its remedy and returns the exit status. */
  error(error: unknown): number;
}

export interface LogOptions {
  readonly json: boolean;
  readonly debug: boolean;
  readonly stream?: { write(text: string): unknown; readonly isTTY?: boolean };
  /** Milliseconds since any fixed moment. */
  readonly clock?: () => number;
}

export function createLog({ json, debug, stream = process.stderr, clock = () => performance.now() }: LogOptions): Log {
  // Rates are of the work in hand: a command may do several things one after the other.
  let begin = clock();
  let work: string | undefined;
  let lastLine = Number.NEGATIVE_INFINITY;
  let drawn = false;
  const clear = () => {
    if (drawn) stream.write('\r\x1b[K');
    drawn = false;
  };
  const ndjson = (level: string, event: string, message: string, data: Record<string, unknown> = {}) => {
    stream.write(`${JSON.stringify({ time: new Date().toISOString(), level, event, message, ...data })}\n`);
  };
  return {
    info(event, message, data) {
      clear();
      if (json) ndjson('info', event, message, data);
      else stream.write(`${message}\n`);
    },
    progress(what, done, total) {
      const now = clock();
      if (work !== undefined && work !== what) [begin, lastLine] = [now, Number.NEGATIVE_INFINITY];
      work = what;
      const finished = done === total;
      const redraw = stream.isTTY === true && !json;
      if (!finished && now - lastLine < (redraw ? REDRAW_MS : HEARTBEAT_MS)) return;
      // Work shorter than a heartbeat needs none.
      if (finished && !redraw && now - begin < HEARTBEAT_MS) return;
      if (lastLine === Number.NEGATIVE_INFINITY && !redraw && now - begin < HEARTBEAT_MS) return;
      lastLine = now;
      const seconds = (now - begin) / 1000;
      const rate = seconds > 0 ? done / seconds : 0;
      const message = `${what}: ${done}${total === undefined ? '' : ` of ${total}`}, ${rate.toFixed(rate < 10 ? 1 : 0)} per second`;
      if (json) return ndjson('info', 'progress', message, { done, total, seconds });
      clear();
      stream.write(redraw && !finished ? message : `${message}\n`);
      drawn = redraw && !finished;
    },
    error(error) {
      clear();
      const known = isArcletError(error);
      const message = error instanceof Error || known ? error.message : String(error);
      const code: ErrorCode = known ? error.code : 'INTERNAL';
      const stack = debug && error instanceof Error ? error.stack : undefined;
      if (json)
        ndjson(
          'error',
          code,
          message,
          known ? { subject: error.subject, remedy: error.remedy, data: error.data, stack } : { stack },
        );
      else {
        stream.write(`arclet: ${message}\n`);
        if (known && error.remedy !== undefined) stream.write(`        ${error.remedy}\n`);
        if (!known && !debug)
          stream.write('        This is a fault of arclet; run the command again with --debug and report what it says.\n');
        if (stack !== undefined) stream.write(`${describeStack(error)}\n`);
      }
      return EXIT_STATUS[code];
    },
  };
}

/** Stacks of an error and everything that caused it. */
function describeStack(error: unknown): string {
  const parts: string[] = [];
  for (let at = error; at instanceof Error; at = at.cause) parts.push(at.stack ?? at.message);
  return parts.join('\ncaused by ');
}
