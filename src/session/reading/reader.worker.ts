/** The worker that reads one file for the page. */
import { serveReading } from "./serve.ts";

serveReading(self);
