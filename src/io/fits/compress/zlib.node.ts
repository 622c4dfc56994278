/** zlib of Node where there is one. Nothing is imported, so that this file loads in a browser, where the answer is undefined. */

export type NodeZlib = typeof import('node:zlib');

/** Node's zlib, or undefined outside Node. */
export function nodeZlib(): NodeZlib | undefined {
  const host = (globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } }).process;
  return host?.getBuiltinModule?.('node:zlib') as NodeZlib | undefined;
}
