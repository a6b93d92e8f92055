/**
 * Who may use a bridge, and the development server that a page comes from. A page on any site can make a browser talk
 * to a server on the user's own machine, so four things are looked at before anything is answered:
 *
 * - the address that the connection comes from: loopback only, unless other machines were let in;
 * - `Host`: a name that an attacker can point at 127.0.0.1 (DNS rebinding) is refused; `localhost`, addresses and
 *   names that were configured are fine;
 * - `Origin`: the server's own (the same host and port as `Host`) or a configured one. Browsers send it with every
 *   POST and WebSocket; a request without it comes from a program, and is accepted from loopback only;
 * - `Sec-Fetch-Site` (W3C Fetch Metadata): what a foreign page loads without `Origin`, as picture, script or frame, is
 *   refused. Another port of the same host is another site's, too.
 */
import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";

export interface AccessPolicy {
  /** Origins of pages that may use the bridge from elsewhere, e.g. "https://example.org"; "*" lets every page in. */
  origins: string[];
  /** Names by which the bridge may be addressed, beside those of `origins`, `localhost` and plain addresses. */
  hosts: string[];
  /** Let in connections from other machines. */
  remote: boolean;
}

/** `Sec-Fetch-Site` of what a page of this very server asks for, and of what the user has typed. */
const OWN_SITES: readonly string[] = ["same-origin", "none"];

/** @returns why the request is refused, in words; undefined when it is not. */
export function refuseAccess(
  request: Pick<IncomingMessage, "socket" | "headers">,
  policy: AccessPolicy,
  use = "bridge (allow it with --allow-origin)",
): string | undefined {
  const address = request.socket.remoteAddress ?? "";
  const local = isLoopback(address);
  if (!local && !policy.remote)
    return `the connection comes from ${address}, and this server serves its own machine only`;
  const host = request.headers.host ?? "";
  if (!isKnownHost(host, policy))
    return `this server is not known by the name "${host}" (allow it, or use an address or localhost)`;
  const { origin } = request.headers;
  const { "sec-fetch-site": site } = request.headers;
  if (origin === undefined) {
    if (site !== undefined && !OWN_SITES.includes(site))
      return "a page of another site has asked for this, and only pages of allowed origins may";
    return local ? undefined : "a request without Origin is accepted from this machine only";
  }
  if (policy.origins.includes("*") || policy.origins.includes(origin)) return undefined;
  if (isSameHost(origin, host)) return undefined;
  return `pages of the origin ${origin} may not use this ${use}`;
}

/** A page or a link on a page brings the user here: nothing of the answer can be read there. */
const ARRIVALS: readonly unknown[] = ["document", "iframe", "frame", "embed", "object"];
/** The page itself; whether others may frame it, its Content-Security-Policy says (`frame-ancestors`). */
const PAGE = /^\/(index\.html)?(\?|$)/;
/** What a development server does rather than serves, e.g. to open an editor; for its own pages alone. */
const SERVICE = /^\/+(__|%5f)/i;

/**
 * Like {@link refuseAccess}, for a development server: links of other sites may lead to the page, and to nothing else.
 * @returns why the request is refused, in words; undefined when it is not.
 */
export function refusePageAccess(request: IncomingMessage, policy: AccessPolicy): string | undefined {
  const { method, url = "", headers } = request;
  const { "sec-fetch-site": site, "sec-fetch-mode": mode, "sec-fetch-dest": destination } = headers;
  if (!url.startsWith("/")) return "a path is wanted, not a whole address";
  if (SERVICE.test(url) && site !== "same-origin") return "only a page of this server may ask for this";
  const arrives = method === "GET" && mode === "navigate" && ARRIVALS.includes(destination) && PAGE.test(url);
  // As if the user had typed it: that stands where the site of the link would be.
  const asked = arrives && headers.origin === undefined ? { ...headers, "sec-fetch-site": "none" } : headers;
  return refuseAccess({ socket: request.socket, headers: asked }, policy, "server");
}

function isLoopback(address: string): boolean {
  return address === "::1" || /^(::ffff:)?127\./.test(address);
}

function isKnownHost(host: string, policy: AccessPolicy): boolean {
  let name: string;
  try {
    name = new URL(`http://${host}`).hostname;
  } catch {
    return false;
  }
  if (name === "localhost" || name.endsWith(".localhost")) return true;
  if (isIP(name.replace(/^\[|\]$/g, ""))) return true;
  return (
    policy.hosts.includes(name) || policy.origins.some((origin) => hostOf(origin)?.split(":")[0] === name)
  );
}

/** Scheme, host and port, and nothing of a user or a path. */
const ORIGIN = /^https?:\/\/[^/@?#\\]+$/i;

/** The origin's host and port are those of `Host`; a port that is the scheme's own may be left out in either. */
function isSameHost(origin: string, host: string): boolean {
  if (!ORIGIN.test(origin) || !URL.canParse(origin)) return false;
  const { protocol, host: own } = new URL(origin);
  return URL.canParse(`${protocol}//${host}`) && new URL(`${protocol}//${host}`).host === own;
}

/** Host and port of an origin; undefined for one like "null" that has none. */
function hostOf(origin: string): string | undefined {
  try {
    return new URL(origin).host || undefined;
  } catch {
    return undefined;
  }
}
