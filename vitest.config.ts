import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/global-setup.ts'],
    // Not 'threads': terminating a worker thread during GPU traffic can take the whole process down.
    pool: 'forks',
    // SwiftShader on a shared machine.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
