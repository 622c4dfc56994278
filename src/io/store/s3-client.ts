/** The AWS SDK, loaded at the first `s3://`, and what its failures mean. */
import { ArcletError } from '../../core/errors.ts';
import { type RetryOptions, statusOf } from './retry.ts';

type Sdk = typeof import('@aws-sdk/client-s3');
export type S3Client = InstanceType<Sdk['S3Client']>;

export interface S3Options {
  /** For servers other than AWS (MinIO, Ceph ...); default AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL. */
  endpoint?: string;
  /** Default: as the AWS command line finds it; us-east-1 where an endpoint is given. */
  region?: string;
  /** Default: as the AWS command line finds them (environment, profile, web identity, instance role). */
  credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
  /** Unsigned requests, for public buckets. Also switched on by AWS_NO_SIGN_REQUEST=1. */
  anonymous?: boolean;
  retry?: RetryOptions;
  /** Milliseconds within which an answer must begin, and longest silence within it. Default 30 000. */
  requestTimeoutMilliseconds?: number;
  /** Bytes of a part of a multipart upload, at least 5 MiB for AWS. Default 16 MiB. */
  partBytes?: number;
  /** How the SDK is loaded. */
  loadSdk?: () => Promise<Sdk>;
}

async function loadSdk(load: () => Promise<Sdk>): Promise<Sdk> {
  try {
    return await load();
  } catch (cause) {
    throw new ArcletError('INPUT_UNREADABLE', 's3:// needs the package @aws-sdk/client-s3, which cannot be loaded.', {
      subject: '@aws-sdk/client-s3',
      remedy: 'Run `npm install @aws-sdk/client-s3`.',
      cause,
    });
  }
}

/** A client without retries of its own: ours have an injectable clock and one rule for all calls. */
export async function openS3Client(options: S3Options): Promise<{ sdk: Sdk; client: S3Client }> {
  const sdk = await loadSdk(options.loadSdk ?? (() => import('@aws-sdk/client-s3')));
  const environment = process.env;
  const endpoint = options.endpoint ?? environment.AWS_ENDPOINT_URL_S3 ?? environment.AWS_ENDPOINT_URL;
  const region = options.region ?? (endpoint !== undefined && !environment.AWS_REGION ? 'us-east-1' : undefined);
  const anonymous = options.anonymous ?? /^(1|true)$/i.test(environment.AWS_NO_SIGN_REQUEST ?? '');
  const client = new sdk.S3Client({
    maxAttempts: 1,
    // CRC trailers on every PUT are not understood by many servers that call themselves S3.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // Without the second flag the SDK only logs that the time is over.
    requestHandler: {
      requestTimeout: options.requestTimeoutMilliseconds ?? 30_000,
      socketTimeout: options.requestTimeoutMilliseconds ?? 30_000,
      throwOnRequestTimeout: true,
      connectionTimeout: 10_000,
    },
    ...(endpoint !== undefined && { endpoint, forcePathStyle: true }),
    ...(region !== undefined && { region }),
    ...(options.credentials !== undefined && { credentials: options.credentials }),
    ...(anonymous && { credentials: { accessKeyId: '', secretAccessKey: '' }, signer: { sign: async (request) => request } }),
  });
  return { sdk, client };
}

const MEANING: Record<number, [why: string, remedy: string]> = {
  403: ['access is denied', 'Check the credentials and the policy of the bucket; public buckets need AWS_NO_SIGN_REQUEST=1.'],
  404: ['there is no such object or bucket', 'Check the bucket and the key.'],
  412: ['the object was replaced while it was read', 'Open it again.'],
};

/** The tagged error of a failed call. `code` says whether it was a read or a write. */
export function s3Error(code: 'INPUT_UNREADABLE' | 'OUTPUT_UNWRITABLE', location: string, cause: unknown): ArcletError {
  const status = statusOf(cause);
  const text = cause instanceof Error ? cause.message || cause.name : String(cause);
  const [why, remedy] = MEANING[status ?? 0] ?? [text.replace(/\.$/, ''), 'Check the network, the region and the credentials.'];
  const verb = code === 'INPUT_UNREADABLE' ? 'read' : 'written';
  return new ArcletError(code, `${location} cannot be ${verb}: ${why}.`, { subject: location, remedy, data: { status }, cause });
}
