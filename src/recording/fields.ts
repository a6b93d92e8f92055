/** Times and bytes as a recording's file has them. */
import * as v from "valibot";
import { fromHex } from "../bytes/hex.ts";

/** A time is kept to the microsecond. */
export const round = (time: number) => Math.round(time * 1000) / 1000;

export const time = v.pipe(v.number(), v.finite(), v.minValue(0));
export const hex = v.pipe(
  v.string(),
  v.regex(/^([0-9a-f]{2})*$/, "must be bytes in hex"),
  v.transform((text) => fromHex(text)),
);
