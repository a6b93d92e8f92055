/**
 * What the page's server says of the page beside its content: the one table that `npm start`, the preview server, the
 * static build (`_headers`, the page's own `<meta>`) and its service worker read.
 */
import { UsageError } from "./usage-error.ts";

export interface PageHeaderOptions {
  /** Origins of pages that may show this one in a frame, e.g. "https://example.org"; "*" stands for every page. */
  embed?: readonly string[];
}

/** Directives of the Content-Security-Policy (W3C CSP Level 3), each with what it is there for. */
const POLICY: readonly (readonly [directive: string, sources: string])[] = [
  ["default-src", "'none'"],
  // v86 compiles what the guest runs to WebAssembly; nothing here makes code out of text.
  ["script-src", "'self' 'wasm-unsafe-eval'"],
  // Blobs: v86's own timer, and the one that sleeps for it, are workers that come as text with the script.
  ["worker-src", "'self' blob:"],
  // xterm.js makes <style> elements and style attributes as it draws, and cannot give them a nonce.
  ["style-src", "'self' 'unsafe-inline'"],
  ["img-src", "'self'"],
  // Bridge and images may be anywhere: an address that names another origin is asked about on the page (link-guard.ts).
  ["connect-src", "'self' http: https: ws: wss:"],
  ["base-uri", "'none'"],
  ["form-action", "'none'"],
];

/** What no part of the page uses, nor a page in a frame of it may (W3C Permissions Policy). */
const UNUSED = [
  "accelerometer",
  "camera",
  "display-capture",
  "encrypted-media",
  "geolocation",
  "gyroscope",
  "hid",
  "idle-detection",
  "local-fonts",
  "magnetometer",
  "microphone",
  "midi",
  "payment",
  "publickey-credentials-get",
  "screen-wake-lock",
  "serial",
  "usb",
  "xr-spatial-tracking",
] as const;

const asText = (policy: typeof POLICY) =>
  policy.map(([directive, sources]) => `${directive} ${sources}`).join("; ");

/** The part of the policy that a `<meta http-equiv>` may have: there `frame-ancestors` says nothing (CSP 3, 3.3). */
export const META_POLICY = asText(POLICY);

/** For the page as for all that it loads: a worker is held by the policy that its own script came with. */
export function pageHeaders({ embed = [] }: PageHeaderOptions = {}): Record<string, string> {
  const framedBy = ["frame-ancestors", ["'self'", ...embed].join(" ")] as const;
  return {
    "Content-Security-Policy": asText([...POLICY, framedBy]),
    // These two make the page cross-origin isolated, which shared memory needs (HTML).
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    // A page that is isolated itself may frame only what allows it, and no list of origins can be given here.
    "Cross-Origin-Resource-Policy": embed.length > 0 ? "cross-origin" : "same-origin",
    // The address says what is booted, and with which bridge.
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Permissions-Policy": UNUSED.map((feature) => `${feature}=()`).join(", "),
  };
}

/**
 * Values of `--embed`.
 * @throws {UsageError} when one is no origin
 */
export function embeddersOf(values: readonly string[] = []): string[] {
  return values.map((value) => {
    if (value === "*") return value;
    const url = URL.canParse(value) ? new URL(value) : undefined;
    const known = url && /^https?:$/.test(url.protocol) && [url.origin, `${url.origin}/`].includes(value);
    if (!known) throw new UsageError(`--embed ${value}: an origin like https://example.org is wanted, or *`);
    return url.origin;
  });
}
