/** The static build behind a plain file server, with nothing else running. */
import { defineConfig } from "@playwright/test";
import pages from "../playwright.config.ts";
import { INSECURE_HOST } from "./insecure-host.ts";

const { webServer: _, testIgnore: __, use, ...common } = pages;
const { launchOptions } = use ?? {};

export default defineConfig({
  ...common,
  globalSetup: "./build.ts",
  use: {
    ...use,
    launchOptions: {
      ...launchOptions,
      args: [...(launchOptions?.args ?? []), `--host-resolver-rules=MAP ${INSECURE_HOST} 127.0.0.1`],
    },
  },
  outputDir: "../../test-results/static",
  // RSA keys are made by an emulated processor, on a machine that has other things to do.
  timeout: 300_000,
});
