/** Where the static build's page starts: first its service worker, then the page itself. */
import { preparePage } from "./offline/start.ts";
import { decoderAsked, openDecoder } from "./open-page.ts";

if (await preparePage()) {
  try {
    if (decoderAsked()) await openDecoder();
    else (await import("./main.ts")).startPage();
  } catch (error) {
    document.body.append(`The page could not be loaded: ${(error as Error).message}. Reload it.`);
    throw error;
  }
}
