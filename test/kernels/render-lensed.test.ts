import { agreementSuite } from '../support/agreement.ts';

agreementSuite('render-lensed', { count: 500, seed: 11, bitItems: 8 });
