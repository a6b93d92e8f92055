/** Who runs the TPM commands, as the embedder says it, and as the device is told. */

import { type HiddenTpm, startHiddenTpm } from "../backend/hidden/client.ts";
import type { HiddenImages } from "../backend/hidden/machine.ts";
import type { BackendInfo } from "../backend/port.ts";
import type { BackendTarget } from "../worker/events.ts";
import type { OpenTpm } from "./placement.ts";
import type { BackendKind } from "./types.ts";

/** Path of the bridge on the page's own server. */
export const BRIDGE_PATH = "/tpm";

/** Who runs the TPM commands; the first that is given counts. */
export interface TpmBackendOptions {
  /** A TPM of one's own: opens a session and powers its TPM on. Runs on the page's thread, so placement is "local". */
  open?: OpenTpm;
  /** A swtpm in a hidden machine of this page: what that machine is restored from. Needs no server. */
  hidden?: HiddenImages;
  /** Two plain WebSocket-to-TCP proxies in front of a `swtpm socket`. */
  proxy?: { control: string; data: string };
  /**
   * URL of a bridge, http(s) or ws(s); by default `/tpm` on the page's own server. Several (a list, or separated by
   * blanks) are tried in their order: when the one in use is lost, the TPM goes on at the next one that answers.
   */
  bridge?: string | readonly string[];
}

/** The bridges to try, in their order. */
export function bridgeUrls(bridge: TpmBackendOptions["bridge"]): readonly string[] {
  const urls = typeof bridge === "string" ? bridge.split(/\s+/).filter(Boolean) : (bridge ?? []);
  return urls.length > 0 ? urls : [BRIDGE_PATH];
}

export const kindOf = ({ open, hidden, proxy }: TpmBackendOptions): BackendKind =>
  open ? "own" : hidden ? "hidden" : proxy ? "proxy" : "bridge";

/** Where the TPM is to run; a hidden machine is started for it where it was asked for. */
export function backendTarget(
  { open, hidden, proxy, bridge }: TpmBackendOptions,
  version: BackendInfo["version"],
): { target: BackendTarget; hidden?: HiddenTpm } {
  if (!open && hidden) {
    const tpm = startHiddenTpm(hidden, version);
    return { target: { kind: "hidden", control: tpm.control, data: tpm.data }, hidden: tpm };
  }
  if (proxy) return { target: { kind: "proxy", ...proxy } };
  const base = globalThis.location?.href ?? "http://127.0.0.1/";
  const urls = bridgeUrls(bridge).map((url) => new URL(url, base).href.replace(/^ws/, "http"));
  return { target: { kind: "bridge", urls } };
}
