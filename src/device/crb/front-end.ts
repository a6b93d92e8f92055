/** The CRB interface as those know it who carry it. */
import type { FrontEnd } from "../frontend/port.ts";
import { CrbDevice, type CrbOptions } from "./device.ts";
import { CRB_DRIVER } from "./driver.ts";
import { CRB_STATE_BYTES } from "./layout.ts";
import { CRB_BASE, CRB_SIZE, LOCALITIES } from "./ports.ts";

/** @param kind of what kind its devices are. */
export function crbFrontEnd(kind: Pick<CrbOptions, "localities" | "chunks"> = {}): FrontEnd {
  return {
    name: "crb",
    window: { base: CRB_BASE, size: CRB_SIZE },
    localities: LOCALITIES,
    stateBytes: CRB_STATE_BYTES,
    create: (options) => new CrbDevice({ version: "unspecified", ...kind, ...options }),
    driver: CRB_DRIVER,
  };
}

/** Five localities, no chunks: what drivers know. */
export const CRB: FrontEnd = crbFrontEnd();
