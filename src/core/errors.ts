/**
 * Tagged errors: a stable `code`, the thing concerned, the cause, and one sentence that says what to do.
 *
 * Test with {@link isArcletError} rather than `instanceof`: an error that crossed a worker boundary is a plain copy.
 */

/** Every code with the exit status of the command line that it leads to (0 done, 1 a check said no, 2 usage, 3 input, 4 device, 5 failed rows). */
export const EXIT_STATUS = {
  USAGE: 2,
  CONFIG_INVALID: 2,
  CONFIG_UNKNOWN_KEY: 2,
  ROWS_INVALID: 3,
  INPUT_UNREADABLE: 3,
  INPUT_INVALID: 3,
  BANK_EMPTY: 3,
  BANK_TOO_LARGE: 3,
  SOURCE_LARGER_THAN_STAMP: 3,
  OUTPUT_UNWRITABLE: 3,
  GPU_UNAVAILABLE: 4,
  ADAPTER_NOT_FOUND: 4,
  SHADER_COMPILE: 4,
  SHADER_IMPORT: 4,
  GPU_VALIDATION: 4,
  GPU_OUT_OF_MEMORY: 4,
  GPU_LIMIT: 4,
  DEVICE_LOST: 4,
  WORKER_DIED: 4,
  WORKER_FAILED: 4,
  KERNEL_UNKNOWN: 2,
  KERNEL_CONTRACT: 2,
  ABORTED: 1,
  INTERNAL: 4,
} as const;

export type ErrorCode = keyof typeof EXIT_STATUS;

export interface ErrorDetails {
  /** What the error is about: a path, a row key, an adapter name, a slug ... */
  subject?: string;
  /** What the user can do about it, one sentence. */
  remedy?: string;
  /** Any further facts worth recording (numbers, limits). */
  data?: Record<string, unknown>;
  cause?: unknown;
}

/** The one error class of arclet. */
export class ArcletError extends Error {
  readonly code: ErrorCode;
  readonly subject?: string;
  readonly remedy?: string;
  readonly data?: Record<string, unknown>;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'ArcletError';
    this.code = code;
    this.subject = details.subject;
    this.remedy = details.remedy;
    this.data = details.data;
  }

  get exitStatus(): number {
    return EXIT_STATUS[this.code];
  }
}

/** True for an {@link ArcletError} (also one that crossed a worker boundary), with `code` when it is given. */
export function isArcletError(error: unknown, code?: ErrorCode): error is ArcletError {
  if (typeof error !== 'object' || error === null) return false;
  const found = (error as { code?: unknown }).code;
  if (typeof found !== 'string' || !(found in EXIT_STATUS)) return false;
  return code === undefined || found === code;
}

/** A plain copy that survives `postMessage`. */
export function toPlainError(error: unknown): { code: ErrorCode; message: string } & ErrorDetails {
  if (isArcletError(error)) {
    return { code: error.code, message: error.message, subject: error.subject, remedy: error.remedy, data: error.data };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'INTERNAL', message, data: error instanceof Error ? { stack: error.stack } : undefined };
}
