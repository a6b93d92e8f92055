/** The page's headers in Vite: on whatever its servers answer, the images and what is missing included. */
import type { OutgoingHttpHeaders } from "node:http";
import type { Connect, Plugin } from "vite";

/** Vite's own `server.headers` are for its own answers; this one is to be the first of the plugins. */
export function pageHeadersPlugin(): Plugin {
  return {
    name: "webtpm-page-headers",
    configureServer: ({ middlewares, config }) => void middlewares.use(sending(config.server.headers)),
    configurePreviewServer: ({ middlewares, config }) =>
      void middlewares.use(sending(config.preview.headers)),
  };
}

function sending(headers: OutgoingHttpHeaders = {}): Connect.NextHandleFunction {
  return (_request, response, next) => {
    for (const [name, value] of Object.entries(headers))
      if (value !== undefined) response.setHeader(name, value);
    next();
  };
}
