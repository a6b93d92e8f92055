/** Which page an address asks for: the decoder at `?decode`, else the PC. */
export const decoderAsked = (): boolean => new URLSearchParams(location.search).has("decode");

/** Loads the decoder and starts it. Rejects when its code cannot be had. */
export const openDecoder = (): Promise<unknown> => import("./decode/main.ts");
