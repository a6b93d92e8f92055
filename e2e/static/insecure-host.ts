/** A name for this machine that no browser takes for it: a page from there has no service worker. */
export const INSECURE_HOST = "plain.example";
