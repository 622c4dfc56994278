/** The registry: the one list of kernels. Adding a kernel adds a folder and a line here. */
import type { Registry } from '../src/engine/kernel.ts';

export const KERNELS: Registry = {};
