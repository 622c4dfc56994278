/**
 * Retries with full jitter: attempt n waits a uniform time in [0, min(longest, base 2^n)) (AWS Architecture Blog, "Exponential backoff
 * and jitter", 2015), so that a thousand array jobs that failed together do not come back together.
 */

export interface RetryOptions {
  /** Tries in all, the first one included. Default 6. */
  attempts?: number;
  /** Default 100. */
  baseMilliseconds?: number;
  /** Default 20 000. */
  longestMilliseconds?: number;
  /** Uniform in [0, 1). Default Math.random: jitter is no part of any result. */
  random?: () => number;
  /** The clock. Default setTimeout. */
  sleep?: (milliseconds: number) => Promise<void>;
}

/** Socket and name-server failures that pass by themselves. */
const PASSING = new Set([
  'ECONNRESET',
  'ECONNREFUSED',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ESOCKETTIMEDOUT',
  'EAI_AGAIN',
  'UND_ERR_SOCKET',
]);

/** Names that services and clients give to time-outs. S3's RequestTimeout comes with status 400. */
const TIMEOUTS = new Set(['TimeoutError', 'RequestTimeout', 'RequestTimeoutException']);

interface Failure {
  name?: string;
  code?: string;
  message?: string;
  cause?: unknown;
  $metadata?: { httpStatusCode?: number };
  $response?: { headers?: Record<string, string> };
}

/** HTTP status of an error of the AWS SDK, if it came with an answer. */
export function statusOf(error: unknown): number | undefined {
  return (error as Failure | undefined)?.$metadata?.httpStatusCode;
}

/** True for 5xx, 429, time-outs and broken connections; false for every other 4xx and for errors of the program. */
export function isPassing(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const { name = '', code = '', cause } = error as Failure;
  if (TIMEOUTS.has(name) || PASSING.has(code)) return true;
  const status = statusOf(error);
  if (status !== undefined && status >= 300) return status >= 500 || status === 429;
  return cause !== undefined && cause !== error && isPassing(cause);
}

/** What the service asks for in a Retry-After header given in seconds, else 0. */
function askedMilliseconds(error: unknown): number {
  const seconds = Number((error as Failure).$response?.headers?.['retry-after']);
  return Number.isFinite(seconds) && seconds > 0 ? 1000 * seconds : 0;
}

/** Runs `work` until it succeeds, fails for good, or the attempts are used up; then throws the last error. */
export async function withRetries<T>(work: () => Promise<T>, options: RetryOptions = {}): Promise<T> {
  const { attempts = 6, baseMilliseconds = 100, longestMilliseconds = 20_000, random = Math.random } = options;
  const sleep = options.sleep ?? ((milliseconds) => new Promise<void>((done) => setTimeout(done, milliseconds)));
  for (let attempt = 0; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt + 1 >= attempts || !isPassing(error)) throw error;
      const jitter = random() * Math.min(longestMilliseconds, baseMilliseconds * 2 ** attempt);
      await sleep(Math.min(longestMilliseconds, askedMilliseconds(error) + jitter));
    }
  }
}
