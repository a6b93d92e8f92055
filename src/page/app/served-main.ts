/** Where the page of the project's own servers starts: `window.webtpm` is there when the document has loaded. */
import { startPage } from "./main.ts";
import { decoderAsked, openDecoder } from "./open-page.ts";

if (decoderAsked()) await openDecoder();
else startPage();
