/** Debian's Chromium as all tests of pages start it. */

export const CHROMIUM = "/usr/bin/chromium";

/**
 * A test's machine lives for a minute. In so short a life, optimizing its code (v86's own, and what v86 compiles of
 * the guest) takes twice the processor time of all the rest and gains nothing; `npm run bench` measures with it.
 */
const ONCE_COMPILED = "--js-flags=--liftoff-only";

/** The address bar has two pages of its own in each window: a tenth of the processors' time, for nobody. */
const ADDRESS_BAR = ["WebUIOmniboxPopup", "WebUIOmniboxAimPopup"];

/** What Playwright switches off: of two lists Chromium takes the last. */
const BY_PLAYWRIGHT = (
  "AvoidUnnecessaryBeforeUnloadCheckSync DestroyProfileOnBrowserClose HttpsUpgrades HttpsFirstBalancedModeAutoEnable " +
  "LensOverlay MediaRouter PaintHolding ThirdPartyStoragePartitioning AvoidCorsURLLoaderRestartOnRedirect " +
  "OptimizationHints NetworkTimeServiceQuerying AimEnabled PreconnectToSearch"
).split(" ");

export const FLAGS = [
  ..."--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync".split(" "),
  ..."--disable-background-networking --disable-component-update".split(" "),
  ONCE_COMPILED,
  `--disable-features=${[...BY_PLAYWRIGHT, ...ADDRESS_BAR].join(",")}`,
];
