/**
 * Who may use a bridge. A page on any site can make a browser talk to a server on the user's own machine, so the
 * bridge looks at three things before it answers:
 *
 * - the address that the connection comes from: loopback only, unless other machines were let in;
 * - `Host`: a name that an attacker can point at 127.0.0.1 (DNS rebinding) is refused; `localhost`, addresses and
 *   names that were configured are fine;
 * - `Origin`: the bridge's own (the same host and port as `Host`) or a configured one. Browsers send it with every
 *   POST and WebSocket; a request without it comes from a program, and is accepted from loopback only.
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

/** @returns why the request is refused, in words; undefined when it is not. */
export function refuseAccess(request: IncomingMessage, policy: AccessPolicy): string | undefined {
  const address = request.socket.remoteAddress ?? "";
  const local = isLoopback(address);
  if (!local && !policy.remote)
    return `the connection comes from ${address}, and this bridge serves its own machine only`;
  const host = request.headers.host ?? "";
  if (!isKnownHost(host, policy))
    return `the bridge is not known by the name "${host}" (allow it, or use an address or localhost)`;
  const { origin } = request.headers;
  if (origin === undefined)
    return local ? undefined : "a request without Origin is accepted from this machine only";
  if (policy.origins.includes("*") || policy.origins.includes(origin)) return undefined;
  if (isSameHost(origin, host)) return undefined;
  return `pages of the origin ${origin} may not use this bridge (allow it with --allow-origin)`;
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

/** The origin's host and port are those of `Host`; a port that is the scheme's own may be left out in either. */
function isSameHost(origin: string, host: string): boolean {
  if (!URL.canParse(origin)) return false;
  const { protocol, host: own } = new URL(origin);
  return own !== "" && URL.canParse(`${protocol}//${host}`) && new URL(`${protocol}//${host}`).host === own;
}

/** Host and port of an origin; undefined for one like "null" that has none. */
function hostOf(origin: string): string | undefined {
  try {
    return new URL(origin).host || undefined;
  } catch {
    return undefined;
  }
}
