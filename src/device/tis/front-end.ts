/** The FIFO interface as those know it who carry it. */
import type { FrontEnd } from "../frontend/port.ts";
import { TisDevice } from "./device.ts";
import { TIS_DRIVER } from "./driver.ts";
import { TIS_STATE_BYTES } from "./layout.ts";
import { LOCALITIES, TIS_BASE, TIS_SIZE } from "./ports.ts";

export const TIS: FrontEnd = {
  name: "tis",
  window: { base: TIS_BASE, size: TIS_SIZE },
  localities: LOCALITIES,
  stateBytes: TIS_STATE_BYTES,
  create: (options) => new TisDevice({ version: "unspecified", ...options }),
  driver: TIS_DRIVER,
};
