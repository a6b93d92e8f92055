/** Where the static build's page starts: first its service worker, then the page itself. */
import { preparePage } from "./offline/start.ts";

if (await preparePage()) {
  try {
    await import("./main.ts");
  } catch (error) {
    document.body.append(`The page could not be loaded: ${(error as Error).message}. Reload it.`);
    throw error;
  }
}
