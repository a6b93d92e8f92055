/** The page's style sheets, for the shadow trees of the elements: nothing of them reaches the page around. */

import banner from "../ui/boot-check/boot-banner.css?inline";
import commands from "../ui/commands/commands.css?inline";
import eventLog from "../ui/eventlog/event-log.css?inline";
import reading from "../ui/parts/file-reading.css?inline";
import pcrs from "../ui/pcrs/pcrs.css?inline";
import registers from "../ui/registers/registers.css?inline";
import base from "../ui/styles/base.css?inline";
import tokens from "../ui/styles/tokens.css?inline";
import host from "./host.css?inline";

/** What the sheets say of the page's root holds for the element. */
const forHost = (css: string) =>
  css.replace(/:root(\[[^\]]*\])?/g, (_, attribute = "") => `:host${attribute && `(${attribute})`}`);

let sheets: CSSStyleSheet[] | undefined;

/** Made once for all elements. */
export function styleSheets(): CSSStyleSheet[] {
  sheets ??= [tokens, base, banner, commands, eventLog, reading, pcrs, registers, host].map((css) => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(forHost(css));
    return sheet;
  });
  return sheets;
}
