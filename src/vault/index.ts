/** Machines that stay: kept in the browser, exported and imported. */

export type { BundleVault } from "./bundle.ts";
export * from "./errors.ts";
export { type ExportedMachine, type ExportOptions, exportMachine } from "./export.ts";
export { type ImportOptions, importMachine } from "./import.ts";
export { openVault } from "./store.ts";
export type * from "./types.ts";
