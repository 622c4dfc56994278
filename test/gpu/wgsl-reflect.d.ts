// The package's Node entry is broken under "type": "module", and its ES module carries no types of its own.
declare module 'wgsl_reflect/wgsl_reflect.module.js' {
  export { WgslReflect } from 'wgsl_reflect';
}
