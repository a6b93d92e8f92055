/** Machines that stay: kept in the browser, exported and imported. */
export * from "./errors.ts";
export { openVault } from "./store.ts";
export type * from "./types.ts";
