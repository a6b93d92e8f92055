/** What page and service worker say to each other. */

/** From the page. */
export type WorkerRequest =
  /** Tell how much is kept; what an older version had in common with this one is taken over, nothing is fetched. */
  | "measure"
  /** Fetch what is missing for a life without the network. */
  | "fill"
  /** A new version: replace the one that runs, if no other window shows it. Answered through the port with a boolean. */
  | "take over"
  /** The host no longer has this page: forget everything. */
  | "end";

/** From the worker: how much of the page is kept here. */
export interface OfflineNews {
  offline: {
    /** Bytes kept, of all. */
    kept: number;
    total: number;
    /** Why the rest is not, once an attempt is over; undefined while it goes on, and when all is here. */
    problem?: string;
  };
}
