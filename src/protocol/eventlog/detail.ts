/** An event's data in words. */

/** One field of an event's data. */
export interface Detail {
  label: string;
  value: string;
}

export interface DataDescription {
  /** All of it in one line. */
  text: string;
  details: Detail[];
}
