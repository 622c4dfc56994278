// @webgpu/types expects these names from lib.dom; lib.dom itself declares a second, clashing WebGPU (TypeScript 7).
type BufferSource = ArrayBufferView<ArrayBuffer> | ArrayBuffer;
type AllowSharedBufferSource = ArrayBufferView<ArrayBufferLike> | ArrayBufferLike;
type EventListenerOrEventListenerObject = (evt: Event) => void;
type AddEventListenerOptions = EventListenerOptions & { once?: boolean; signal?: AbortSignal };
interface EventInit {
  bubbles?: boolean;
}
type ImageBitmap = never;
type ImageData = never;
type HTMLImageElement = never;
type VideoFrame = never;
type PredefinedColorSpace = 'srgb' | 'display-p3';
