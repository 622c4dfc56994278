/** Entry of a CPU worker: the pool below knows no kernel, so the registry comes in from here. */
import { serveNodeWorker } from '../src/cpu/node.ts';
import { KERNELS } from './index.ts';

serveNodeWorker((slug) => KERNELS[slug]?.cpu);
