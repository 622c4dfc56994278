import { agreementSuite } from '../support/agreement.ts';
import { tinyEnvironment } from '../support/tiny-environment.ts';

agreementSuite('scale', { count: 50, environment: tinyEnvironment() });
agreementSuite('total', { count: 50, environment: tinyEnvironment() });
