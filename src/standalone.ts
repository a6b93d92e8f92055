/** `webtpm/standalone`: the library and v86 in one module that imports nothing by name, for pages without a bundler. */
export { V86 } from "v86";
export * from "./index.ts";
