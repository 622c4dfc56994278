/** `arclet wcs`: pixels to sky and back. */
import type { Command } from 'commander';
import { ArcletError } from '../core/errors.ts';
import { transformPoints } from '../pipelines/files/wcs-points.ts';
import { jsonText } from './json.ts';
import { type CommonOptions, logOf, withCommonOptions } from './options.ts';

type WcsWords = CommonOptions & {
  readonly json: boolean;
  readonly hdu?: string;
  readonly key?: string;
  readonly pix2sky?: string;
  readonly sky2pix?: string;
};

export function addWcsCommand(program: Command): void {
  const command = program
    .command('wcs')
    .description('transform points between pixels and the sky')
    .argument('<FILE>', 'FITS file or bare header as text (.hdr); path or s3://')
    .option('--pix2sky <POINTS.csv>', 'columns x, y: pixels from 0')
    .option('--sky2pix <POINTS.csv>', "columns ra, dec: degrees in the header's frame")
    .option('--hdu <n>', 'HDU by number, EXTNAME or EXTNAME,EXTVER (default: the first image with celestial axes)')
    .option('--key <letter>', 'alternate description, A to Z')
    .option('--json', 'print {"points": [[a, b] | null, ...]} instead of CSV', false)
    .action(wcs);
  withCommonOptions(command);
}

async function wcs(location: string, words: WcsWords): Promise<void> {
  const { pix2sky, sky2pix, hdu, key } = words;
  const points = pix2sky ?? sky2pix;
  if (points === undefined || (pix2sky !== undefined && sky2pix !== undefined))
    throw new ArcletError('USAGE', 'Give either --pix2sky or --sky2pix.', { remedy: 'See arclet wcs --help.' });
  const direction = pix2sky === undefined ? 'sky2pix' : 'pix2sky';
  const answer = await transformPoints({ location, hdu, key, points, direction });
  const log = logOf(words);
  for (const note of answer.notes) log.info('note', note);
  if (words.json) process.stdout.write(`${jsonText({ points: answer.points })}\n`);
  else {
    const lines = answer.points.map((point) => (point === null ? ',' : point.join(',')));
    process.stdout.write(`${[direction === 'pix2sky' ? 'ra,dec' : 'x,y', ...lines].join('\n')}\n`);
  }
}
