/** Reference vectors live beside the repository; tests that need them skip, saying so, when they are not there. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../shared/', import.meta.url));

/** True when the reference vectors are there. */
export const hasShared: boolean = existsSync(ROOT);

/** Path of a file below ../shared, seen from the repository root. */
export const shared = (rel: string): string => ROOT + rel;
