/** `arclet doctor`: what this machine offers, and whether every kernel is right on it. */
import type { Command } from 'commander';
import { openEngine } from '../index.ts';
import { type DoctorReport, examine } from '../pipelines/health/doctor.ts';
import { type CommonOptions, logOf, packageVersion, withCommonOptions } from './options.ts';
import { gib, table } from './table.ts';

export function addDoctorCommand(program: Command): void {
  const command = program
    .command('doctor')
    .description('say what this machine offers and test every kernel on every backend')
    .option('--json', 'print the report as JSON', false)
    .action(doctor);
  withCommonOptions(command);
}

async function doctor(words: CommonOptions & { readonly json: boolean }): Promise<void> {
  const log = logOf(words);
  const report = await examine({
    version: packageVersion(),
    open: openEngine,
    // Loaded here: Dawn is not needed by commands that stay on the CPU.
    listAdapters: async () => (await import('../gpu/node.ts')).listAdapters(),
    onProgress: (what) => words.logJson && log.info('self-test', what),
  });
  process.stdout.write(words.json ? `${JSON.stringify(report, null, 2)}\n` : describe(report));
  if (!report.ok) process.exitCode = 1;
}

const SHOWN_LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
];

function describe(report: DoctorReport): string {
  const { cpu, memory, adapters, auto, backends } = report;
  const lines = [
    `arclet ${report.arclet}, Node ${report.node}, ${report.platform}`,
    `CPU      ${cpu.model}, ${cpu.cores} cores, ${cpu.available} available`,
    `memory   ${gib(memory.totalBytes)}, ${gib(memory.freeBytes)} free`,
    '',
  ];
  if (adapters.length === 0) lines.push('adapter  none found');
  for (const adapter of adapters) {
    lines.push(`adapter  ${adapter.name} (${adapter.backend}, ${adapter.isSoftware ? 'software' : 'hardware'})`);
    if (adapter.error !== undefined) lines.push(`         does not open: ${adapter.error}`);
    else {
      lines.push(`         features ${adapter.features.join(', ') || 'none'}`);
      lines.push(`         ${SHOWN_LIMITS.map((name) => `${name} ${adapter.limits[name]}`).join(', ')}`);
    }
  }
  lines.push('', `auto     takes the ${auto.backend === 'gpu' ? 'GPU' : 'CPU'}: ${auto.reason}`, '');
  const rows = backends.flatMap(({ name, kernels }) =>
    kernels.map((kernel) => [
      kernel.slug,
      name,
      String(kernel.items),
      kernel.seconds.toFixed(2),
      kernel.worst.toPrecision(2),
      kernel.ok ? 'right' : `WRONG: ${kernel.detail}`,
    ]),
  );
  return `${lines.join('\n')}\n${table(['kernel', 'backend', 'items', 'seconds', 'error/tolerance', 'verdict'], rows)}\n`;
}
