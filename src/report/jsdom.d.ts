// jsdom's own types pull in lib.dom, whose WebGPU clashes with @webgpu/types: this is all of it that charts use.
declare module 'jsdom' {
  export class JSDOM {
    constructor(html?: string);
    readonly window: {
      readonly document: import('./charts-types.ts').SvgDocument;
      readonly XMLSerializer: new () => { serializeToString(node: import('./charts-types.ts').SvgNode): string };
    };
  }
}
