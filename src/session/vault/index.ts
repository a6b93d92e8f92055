/** Machines that stay: kept in the browser, exported and imported. */

export type { BundleVault } from "./bundle.ts";
export * from "./errors.ts";
export { openVault } from "./store.ts";
export type * from "./types.ts";
