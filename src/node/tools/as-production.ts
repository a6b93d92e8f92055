/** Vite takes packages as they are for development where NODE_ENV says something else, e.g. in a test's environment. */
export function asProduction(): void {
  process.env.NODE_ENV = "production";
}
