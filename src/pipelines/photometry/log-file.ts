/** The log file of a command, as Python's logging writes it: lines of a format, appended. */
import { appendFileSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { ArcletError, isArcletError } from '../../core/errors.ts';
import type { StageLog } from '../stage.ts';
import type { FitConfig } from './config.ts';

const LEVELS = ['DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL'] as const;
export type LogLevel = (typeof LEVELS)[number];

/** Where the log of a command goes; undefined for none, and where files cannot be appended to (s3://). */
export function logPath({ logging, outputs }: FitConfig, command: string): string | undefined {
  const { file } = logging;
  if (file === null) return undefined;
  const path = file.trim().toLowerCase() === 'auto' ? `${outputs.workDir}/${command}.log` : file;
  return path.includes('://') ? undefined : path;
}

/** Lines that cannot be written, and all after them, are left out. */
export interface LogFile {
  /** A log that writes to the file as well, and says once when that fails. */
  tee(log: StageLog): StageLog;
  line(level: LogLevel, message: string): void;
  error(error: unknown): void;
}

/** Opens the log file of a command, which may stand there already. Throws OUTPUT_UNWRITABLE. */
export function openLogFile(
  path: string,
  { level, format }: FitConfig['logging'],
  command: string,
  clock = () => new Date(),
): LogFile {
  let fault: string | undefined;
  const write = (of: LogLevel, message: string) => {
    if (fault !== undefined || LEVELS.indexOf(of) < LEVELS.indexOf(level)) return;
    const fields: Record<string, string> = { asctime: asctime(clock()), name: `arclet.fit.${command}`, levelname: of, message };
    const line = format.replace(/%\((\w+)\)-?\d*s/g, (all, field: string) => fields[field] ?? all);
    try {
      appendFileSync(path, `${line}\n`);
    } catch (cause) {
      // A full disk: results are worth more than their log, and the first failure is the one to tell.
      fault = (cause as Error).message;
    }
  };
  try {
    mkdirSync(dirname(path), { recursive: true });
    appendFileSync(path, '');
  } catch (cause) {
    throw new ArcletError('OUTPUT_UNWRITABLE', `${path} cannot be written: ${(cause as Error).message}.`, {
      subject: path,
      remedy: 'Choose another place in logging.file, or null for none.',
      cause,
    });
  }
  return {
    line: write,
    tee: (log) => ({
      info(event, message, data) {
        log.info(event, message, data);
        const before = fault;
        write(event === 'warning' ? 'WARNING' : 'INFO', message.replace(/^warning: /, ''));
        if (fault !== before) log.info('warning', `warning: ${path} ends here, it cannot be written: ${fault}.`);
      },
      progress: (what, done, total) => log.progress(what, done, total),
    }),
    error(error) {
      const remedy = isArcletError(error) ? (error.remedy ?? '') : '';
      write('ERROR', `${error instanceof Error ? error.message : String(error)} ${remedy}`.trim());
    },
  };
}

/** 2026-11-21 04:19:37,123, in UTC. */
const asctime = (time: Date): string => time.toISOString().replace('T', ' ').replace('.', ',').replace('Z', '');
