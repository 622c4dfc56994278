import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/global-setup.ts'],
    // Not 'threads': terminating a worker thread during GPU traffic can take the whole process down.
    pool: 'forks',
    // SwiftShader on a shared machine: the slowest agreement test takes 25 s on two idle cores.
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
