/** The terminal emulator, loaded when the serial console is first looked at. */
import { FitAddon } from "@xterm/addon-fit";
import { Terminal } from "@xterm/xterm";
import "@xterm/xterm/css/xterm.css";
import { ConsoleFlow } from "./console-flow.ts";
import { isLeaveKey } from "./leave-key.ts";

/** Lines kept above the visible ones. */
const SCROLLBACK = 10_000;

/** What a terminal answers to a question in the output: where the cursor is, how it is, what it is (ECMA-48, DEC). */
const REPORT = /^[\d;?>]*[Rnc]$/;
const CSI = "\x1b[";
const isReport = (text: string) => text.startsWith(CSI) && REPORT.test(text.slice(CSI.length));

/** In pixels: a small text of the page's own size. */
const fontSize = () => 0.75 * Number.parseFloat(getComputedStyle(document.documentElement).fontSize);

export interface ConsoleTerminal {
  /**
   * @param data bytes of the guest as they come; a text is what was said before, or not by it: who asked the terminal
   * something in there waits for no answer any more, and what runs now would take it for typed.
   */
  write(data: Uint8Array | string): void;
  /** Fits rows and columns to the element. */
  fit(): void;
  focus(): void;
  dispose(): void;
}

/**
 * @param onInput what the user types.
 * @param onLeave the user wants to leave by keyboard: every other key belongs to the guest.
 */
export function openTerminal(
  element: HTMLElement,
  onInput: (text: string) => void,
  onLeave: () => void,
): ConsoleTerminal {
  const style = getComputedStyle(document.documentElement);
  const token = (name: string) => style.getPropertyValue(name).trim();
  const terminal = new Terminal({
    fontFamily: token("--mono"),
    fontSize: fontSize(),
    lineHeight: 1.15,
    scrollback: SCROLLBACK,
    screenReaderMode: true,
    cursorBlink: !matchMedia("(prefers-reduced-motion: reduce)").matches,
    theme: {
      background: token("--terminal"),
      foreground: token("--terminal-text"),
      cursor: token("--terminal-text"),
      selectionBackground: "#3a5a78",
    },
  });
  const fit = new FitAddon();
  terminal.loadAddon(fit);
  terminal.attachCustomKeyEventHandler((event) => {
    if (!isLeaveKey(event)) return true;
    if (event.type === "keydown") onLeave();
    return false;
  });
  let past = 0;
  terminal.onData((text) => {
    if (past === 0 || !isReport(text)) onInput(text);
  });
  terminal.open(element);
  terminal.textarea?.setAttribute("aria-label", "Serial console: type to the guest; Ctrl+Alt+G leaves");
  const flow = new ConsoleFlow((data, drawn) => terminal.write(data, drawn));
  return {
    write: (data) => {
      if (typeof data !== "string") return flow.write(data);
      past++;
      terminal.write(data, () => past--);
    },
    fit: () => {
      terminal.options.fontSize = fontSize();
      fit.fit();
    },
    focus: () => terminal.focus(),
    dispose: () => terminal.dispose(),
  };
}
