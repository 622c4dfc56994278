/** Entry of a CPU worker with the test kernels. */
import { serveNodeWorker } from '../../src/cpu/node.ts';
import { TINY } from './tiny.ts';

serveNodeWorker((slug) => TINY[slug]?.cpu);
