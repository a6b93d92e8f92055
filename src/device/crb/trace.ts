/** What the CRB interface tells those who watch it. */
import type { FrontEndTrace } from "../frontend/trace.ts";
import type { CrbEvent } from "./states.ts";

export type CrbTrace = FrontEndTrace<CrbEvent>;
