/** The registry: the one list of kernels. Adding a kernel adds a folder and a line here. */
import type { Registry } from '../src/engine/kernel.ts';
import { cpu as backgroundMeshCpu } from './background-mesh/cpu.ts';
import { gpu as backgroundMeshGpu } from './background-mesh/gpu.ts';
import { spec as backgroundMeshSpec } from './background-mesh/spec.ts';
import { cpu as coaddWhiteCpu } from './coadd-white/cpu.ts';
import { gpu as coaddWhiteGpu } from './coadd-white/gpu.ts';
import { spec as coaddWhiteSpec } from './coadd-white/spec.ts';
import { cpu as convolvePsfCpu } from './convolve-psf/cpu.ts';
import { gpu as convolvePsfGpu } from './convolve-psf/gpu.ts';
import { spec as convolvePsfSpec } from './convolve-psf/spec.ts';
import { cpu as filterMatchedCpu } from './filter-matched/cpu.ts';
import { gpu as filterMatchedGpu } from './filter-matched/gpu.ts';
import { spec as filterMatchedSpec } from './filter-matched/spec.ts';
import { cpu as injectStampCpu } from './inject-stamp/cpu.ts';
import { gpu as injectStampGpu } from './inject-stamp/gpu.ts';
import { spec as injectStampSpec } from './inject-stamp/spec.ts';
import { cpu as lensMapsCpu } from './lens-maps/cpu.ts';
import { gpu as lensMapsGpu } from './lens-maps/gpu.ts';
import { spec as lensMapsSpec } from './lens-maps/spec.ts';
import { cpu as makePsfCpu } from './make-psf/cpu.ts';
import { gpu as makePsfGpu } from './make-psf/gpu.ts';
import { spec as makePsfSpec } from './make-psf/spec.ts';
import { cpu as reduceStampsCpu } from './reduce-stamps/cpu.ts';
import { gpu as reduceStampsGpu } from './reduce-stamps/gpu.ts';
import { spec as reduceStampsSpec } from './reduce-stamps/spec.ts';
import { cpu as renderLensedCpu } from './render-lensed/cpu.ts';
import { gpu as renderLensedGpu } from './render-lensed/gpu.ts';
import { spec as renderLensedSpec } from './render-lensed/spec.ts';
import { cpu as resampleLanczosCpu } from './resample-lanczos/cpu.ts';
import { gpu as resampleLanczosGpu } from './resample-lanczos/gpu.ts';
import { spec as resampleLanczosSpec } from './resample-lanczos/spec.ts';

export const KERNELS: Registry = {
  'background-mesh': { spec: backgroundMeshSpec, cpu: backgroundMeshCpu, gpu: backgroundMeshGpu },
  'coadd-white': { spec: coaddWhiteSpec, cpu: coaddWhiteCpu, gpu: coaddWhiteGpu },
  'convolve-psf': { spec: convolvePsfSpec, cpu: convolvePsfCpu, gpu: convolvePsfGpu },
  'filter-matched': { spec: filterMatchedSpec, cpu: filterMatchedCpu, gpu: filterMatchedGpu },
  'inject-stamp': { spec: injectStampSpec, cpu: injectStampCpu, gpu: injectStampGpu },
  'lens-maps': { spec: lensMapsSpec, cpu: lensMapsCpu, gpu: lensMapsGpu },
  'make-psf': { spec: makePsfSpec, cpu: makePsfCpu, gpu: makePsfGpu },
  'reduce-stamps': { spec: reduceStampsSpec, cpu: reduceStampsCpu, gpu: reduceStampsGpu },
  'render-lensed': { spec: renderLensedSpec, cpu: renderLensedCpu, gpu: renderLensedGpu },
  'resample-lanczos': { spec: resampleLanczosSpec, cpu: resampleLanczosCpu, gpu: resampleLanczosGpu },
};
