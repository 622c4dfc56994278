import { agreementSuite } from '../support/agreement.ts';

agreementSuite('render-lensed', { count: 60, seed: 11, bitItems: 6 });
