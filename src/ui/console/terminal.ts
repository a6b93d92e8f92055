/** The terminal emulator, loaded when the serial console is first looked at. */
import { FitAddon } from "@xterm/addon-fit";
import { Terminal } from "@xterm/xterm";
import "@xterm/xterm/css/xterm.css";
import { ConsoleFlow } from "./console-flow.ts";
import { isLeaveKey } from "./leave-key.ts";

/** Lines kept above the visible ones. */
const SCROLLBACK = 10_000;

export interface ConsoleTerminal {
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
    fontSize: 12,
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
  terminal.onData(onInput);
  terminal.open(element);
  terminal.textarea?.setAttribute("aria-label", "Serial console: type to the guest; Ctrl+Alt+G leaves");
  const flow = new ConsoleFlow((data, drawn) => terminal.write(data, drawn));
  return {
    write: (data) => (typeof data === "string" ? terminal.write(data) : flow.write(data)),
    fit: () => fit.fit(),
    focus: () => terminal.focus(),
    dispose: () => terminal.dispose(),
  };
}
