/** Do the rows say of themselves what the config and the record of the run say. */
import { type Check, count, decide, increment, listCounts, percent, type Rule, skip } from './checks.ts';
import type { Expected } from './context.ts';
import type { Examiner, Rows } from './rows.ts';

const EXPERIMENT: Rule = {
  name: 'experiment-id',
  threshold: '0 rows of another experiment',
  why: 'A part that lies in the wrong folder is counted in the wrong experiment.',
};
const BANDSET: Rule = {
  name: 'bandset',
  threshold: 'one bandset and one stamp size, with the bands of the experiment\u2019s name',
  why: 'Stamps of other bands or sizes among the rows of one class are told apart by their shape alone.',
};
const SOURCE: Rule = {
  name: 'source-mode',
  threshold: '0 rows of another source_mode than the record and the config say',
  why: 'A second definition of one function once drew Sersic sources into a set that was called COSMOS.',
};
const TEMPLATES: Rule = {
  name: 'templates',
  threshold: 'cosmos_index in every injection of source_mode template, in none of sersic; at least 2 templates',
  why: 'It is the trace that a template was drawn, and one template for all is a failed hash.',
};
const PSF_MEANING: Rule = {
  name: 'psf-size-semantics',
  threshold: 'one meaning in all injections',
  why: 'The two meanings of psfsize differ by 23 % in width.',
};

const word = (mode: string) => (mode === 'cosmos' ? 'template' : mode);

export class RowConsistency implements Examiner {
  readonly #expected: Expected;
  readonly #recorded: string | undefined;
  readonly #experiments = new Map<string, number>();
  readonly #bandsets = new Map<string, number>();
  readonly #modes = new Map<string, number>();
  readonly #meanings = new Map<string, number>();
  readonly #templates = new Set<number>();
  #injections = 0;
  #withTemplate = 0;

  /** `recorded`: the source_mode of run_config_<experiment_id>.json; undefined without such a file. */
  constructor(expected: Expected, recorded: string | undefined) {
    this.#expected = expected;
    this.#recorded = recorded;
  }

  read(rows: Rows): void {
    const experiment = rows.text('experiment_id');
    const bandset = rows.text('bandset');
    const mode = rows.text('source_mode');
    const meaning = rows.text('psf_size_semantics');
    const size = rows.numbers('stamp_size');
    const control = rows.numbers('is_control');
    const ok = rows.numbers('cutout_ok');
    const template = rows.numbers('cosmos_index');
    for (let row = 0; row < rows.count; row++) {
      increment(this.#experiments, experiment(row));
      increment(this.#bandsets, `${bandset(row)} ${size[row]} px`);
      increment(this.#modes, word(mode(row)));
      if (control[row] === 1 || ok[row] !== 1) continue;
      this.#injections++;
      increment(this.#meanings, meaning(row));
      if (Number.isNaN(template[row])) continue;
      this.#withTemplate++;
      if (this.#templates.size < 2) this.#templates.add(template[row]);
    }
  }

  checks(): Check[] {
    const { experimentId, config, bands } = this.#expected;
    const foreign = [...this.#experiments].reduce((sum, [name, held]) => sum + (name === experimentId ? 0 : held), 0);
    const [bandset = ''] = [...this.#bandsets.keys()][0]?.split(' ') ?? [];
    const isRight =
      this.#bandsets.size === 1 &&
      [...bandset].every((band) => bands.includes(band)) &&
      bands.every((band) => bandset.includes(band));
    return [
      decide(EXPERIMENT, foreign === 0 ? 'go' : 'no-go', foreign, `Rows by experiment_id: ${listCounts(this.#experiments)}.`),
      decide(BANDSET, isRight ? 'go' : 'no-go', listCounts(this.#bandsets, 3), `Expected ${bands.join('')}.`),
      this.#source(word(config.sourceMode)),
      this.#template(),
      config.psfModel === 'none'
        ? skip(PSF_MEANING, 'psf_model is none.')
        : this.#injections === 0
          ? skip(PSF_MEANING, 'There are no injections.')
          : decide(
              PSF_MEANING,
              this.#meanings.size === 1 ? 'go' : 'no-go',
              listCounts(this.#meanings) || 'none',
              'Injections by psf_size_semantics.',
            ),
    ];
  }

  #source(configured: string): Check {
    const recorded = this.#recorded === undefined ? undefined : word(this.#recorded);
    const wanted = recorded ?? configured;
    const wrong = [...this.#modes].reduce((sum, [mode, held]) => sum + (mode === wanted ? 0 : held), 0);
    const detail = `Rows by source_mode: ${listCounts(this.#modes)}; the record says ${recorded ?? 'nothing (no run_config file)'}, the config ${configured}.`;
    return decide(SOURCE, wrong > 0 ? 'no-go' : wanted !== configured ? 'warn' : 'go', wrong, detail);
  }

  #template(): Check {
    if (this.#injections === 0) return skip(TEMPLATES, 'There are no injections.');
    const usesTemplates = this.#modes.has('template');
    const share = this.#withTemplate / this.#injections;
    if (!usesTemplates) return decide(TEMPLATES, share === 0 ? 'go' : 'no-go', percent(share), 'Sources are Sersic profiles.');
    const isVaried = this.#templates.size > 1 || this.#injections < 20;
    return decide(
      TEMPLATES,
      share === 1 && isVaried ? 'go' : 'no-go',
      percent(share),
      `${count(this.#withTemplate)} of ${count(this.#injections)} injections say their template${isVaried ? '' : ', and all the same'}.`,
    );
  }
}
