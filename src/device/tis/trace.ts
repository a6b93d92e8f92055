/** What the FIFO interface tells those who watch it. */
import type { FrontEndTrace } from "../frontend/trace.ts";
import type { TisEvent } from "./states.ts";

export type TisTrace = FrontEndTrace<TisEvent>;
