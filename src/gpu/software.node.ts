/**
 * SwiftShader, a Vulkan driver that runs on the CPU, taken from the npm package @sparticuz/chromium: tests and machines
 * without a GPU get a real WebGPU device with no system package. Linux with glibc only.
 */
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { brotliDecompressSync } from 'node:zlib';

const ICD = 'vk_swiftshader_icd.json';
const LOADER = 'libvulkan.so.1';
const WANTED = [ICD, LOADER, 'libvk_swiftshader.so'];

export interface SoftwareAdapter {
  /** Folder with the driver, its ICD description and a Vulkan loader. */
  readonly directory: string;
  readonly icdPath: string;
  readonly loaderPath: string;
}

/**
 * Finds SwiftShader and unpacks it where need be: the folder in $ARCLET_SWIFTSHADER, else @sparticuz/chromium as installed for
 * arclet or for the working directory. Undefined when there is none (other systems, package absent).
 */
export function locateSoftwareAdapter(): SoftwareAdapter | undefined {
  if (process.platform !== 'linux') return undefined;
  const given = process.env['ARCLET_SWIFTSHADER'];
  const directory = given !== undefined && given !== '' ? given : unpackPackage();
  if (directory === undefined || !existsSync(join(directory, ICD))) return undefined;
  return { directory, icdPath: join(directory, ICD), loaderPath: join(directory, LOADER) };
}

function unpackPackage(): string | undefined {
  // The package carries x64 binaries only.
  if (process.arch !== 'x64') return undefined;
  const home = packageHome();
  if (home === undefined) return undefined;
  const archive = join(home, 'bin', 'swiftshader.tar.br');
  if (!existsSync(archive)) return undefined;
  const { version } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as { version: string };
  const cache = join(tmpdir(), `arclet-swiftshader-${version}-${process.getuid?.() ?? 0}`);
  // What is loaded from a folder that everybody can write to must be our own.
  if (existsSync(join(cache, ICD)) && statSync(cache).uid === process.getuid?.()) return cache;
  const fresh = mkdtempSync(`${cache}-`);
  const files = untar(brotliDecompressSync(readFileSync(archive)));
  for (const name of WANTED) {
    const content = files.get(name);
    if (content !== undefined) writeFileSync(join(fresh, name), content, { mode: 0o755 });
  }
  try {
    renameSync(fresh, cache);
    return cache;
  } catch {
    // Another process was first, or the name is taken by somebody else: only our own is trusted.
    if (statSync(cache).uid !== process.getuid?.() || !existsSync(join(cache, ICD))) return fresh;
    rmSync(fresh, { recursive: true, force: true });
    return cache;
  }
}

function packageHome(): string | undefined {
  for (const from of [import.meta.url, pathToFileURL(join(process.cwd(), 'package.json')).href]) {
    try {
      // The package exports no package.json, so its folder is found upwards from its entry.
      let folder = dirname(createRequire(from).resolve('@sparticuz/chromium'));
      while (!existsSync(join(folder, 'package.json')) && dirname(folder) !== folder) folder = dirname(folder);
      return folder;
    } catch {
      // Not installed for this starting point.
    }
  }
  return undefined;
}

const TAR_BLOCK = 512;

/** The plain files of a tar archive by base name. Header: name at 0 (100 bytes), octal size at 124 (12), type at 156 ('0' or NUL is a file). */
export function untar(archive: Uint8Array): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  const ascii = new TextDecoder('latin1');
  const text = (at: number, length: number): string =>
    ascii
      .decode(archive.subarray(at, at + length))
      .split('\0')[0]
      .trim();
  for (let at = 0; at + TAR_BLOCK <= archive.length; ) {
    const name = text(at, 100);
    if (name === '') break;
    const size = Number.parseInt(text(at + 124, 12), 8) || 0;
    const type = text(at + 156, 1);
    if (type === '0' || type === '')
      files.set(name.split('/').at(-1) ?? name, archive.subarray(at + TAR_BLOCK, at + TAR_BLOCK + size));
    at += TAR_BLOCK * (1 + Math.ceil(size / TAR_BLOCK));
  }
  return files;
}

/** Environment for a child process (a test worker) that shall see SwiftShader and nothing else. */
export function softwareEnvironment({ icdPath, directory }: SoftwareAdapter): Record<string, string> {
  const before = process.env['LD_LIBRARY_PATH'];
  return { VK_ICD_FILENAMES: icdPath, LD_LIBRARY_PATH: before ? `${directory}:${before}` : directory };
}

const RTLD_NODELETE = 0x1000;

/**
 * Makes SwiftShader one of the adapters that Dawn sees in this process, beside the hardware. Call it before the first
 * requestAdapter of a `GPU` object, and not in a worker thread (its environment is a copy that the C library never sees).
 */
export function enableSoftwareAdapter({ icdPath, loaderPath }: SoftwareAdapter): void {
  // A list of drivers set by the user restricts the loader to it; the list of additions is read only where there is none.
  const name = ['VK_DRIVER_FILES', 'VK_ICD_FILENAMES'].find((variable) => process.env[variable]) ?? 'VK_ADD_DRIVER_FILES';
  const before = process.env[name];
  if (!before?.includes(ICD)) process.env[name] = before ? `${before}:${icdPath}` : icdPath;
  // Where the system has no Vulkan loader, the one that came with SwiftShader serves; it finds hardware drivers too.
  if (!mapLibrary(LOADER)) mapLibrary(loaderPath);
}

/**
 * A trick, and the only one in this file: Dawn opens `libvulkan.so.1` by name, and there is no way to tell it a path once the
 * process runs (LD_LIBRARY_PATH is read at exec). A library that is already mapped under that SONAME is found first, so it is
 * mapped here through process.dlopen with RTLD_NODELETE: Node complains that it is no addon and closes it, but it stays.
 * Verified on Node 18-26. Returns false when the library does not exist.
 */
function mapLibrary(path: string): boolean {
  try {
    process.dlopen({ exports: {} }, path, constants.dlopen.RTLD_LAZY | RTLD_NODELETE);
    return true;
  } catch (error) {
    return error instanceof Error && error.message.includes('self-register');
  }
}
