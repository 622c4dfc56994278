/**
 * Before all tests: embeds the shaders, and gives the forked workers a Vulkan driver. The variables must be in the environment
 * when a worker starts, since the C library reads LD_LIBRARY_PATH then. ARCLET_TEST_ADAPTER=auto (or a name) tests real hardware.
 */
import { embedShaders } from '../scripts/embed-shaders.ts';
import { locateSoftwareAdapter, softwareEnvironment } from '../src/gpu/software.node.ts';

export default function setup(): void {
  embedShaders();
  if (process.env['ARCLET_TEST_ADAPTER'] !== undefined) return;
  const software = locateSoftwareAdapter();
  if (software !== undefined) Object.assign(process.env, softwareEnvironment(software));
}
