/** The swtpm client: a session with a swtpm, wherever that runs, behind the queue. */
import type { SwtpmChannels } from "./channel.ts";
import { OrderedTpm } from "./ordered.ts";
import { type SwtpmOptions, SwtpmSession } from "./swtpm-session.ts";

export class SwtpmBackend extends OrderedTpm {
  constructor(channels: SwtpmChannels, options: SwtpmOptions) {
    super(new SwtpmSession(channels, options));
  }
}
