/** A command with its response, as an export needs it. `CommandRecord` of a session has these fields and more. */

export interface TraceEntry {
  /** When the command began, in milliseconds since 1970. */
  time: number;
  /** Milliseconds until the response; left out while there is none. */
  duration?: number | undefined;
  /** Locality of the command; 0 when left out. */
  locality?: number | undefined;
  request: Uint8Array;
  response?: Uint8Array | undefined;
}
