import { agreementSuite } from '../support/agreement.ts';

agreementSuite('convolve-psf', { count: 500, seed: 5 });
