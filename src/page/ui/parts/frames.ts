/** When the page's elements are told of its state: once a frame, however much happened in it. */
import type { StoreFrames } from "../../model/store.ts";
import { pagePace } from "./pace.ts";

/** Frames stop in a background tab; a page that goes on working there must not save up its news for ever. */
const BACKGROUND_TAB_MS = 500;

export const pageFrames: StoreFrames = {
  schedule(callback) {
    if (document.hidden) setTimeout(callback, BACKGROUND_TAB_MS);
    else requestAnimationFrame(() => callback());
  },
  pace: pagePace,
};
