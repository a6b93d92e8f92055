/** Ctrl+Alt+G gives the keyboard back to the page, as QEMU's window does: Tab and Esc belong to the guest. */
export const LEAVE_KEY = "Ctrl+Alt+G";

export function isLeaveKey(event: KeyboardEvent): boolean {
  return event.ctrlKey && event.altKey && event.code === "KeyG";
}

/** Puts the focus on the tab of the pane that `element` is in. */
export function leave(element: HTMLElement): void {
  const pane = element.closest<HTMLElement>('[role="tabpanel"]');
  document.getElementById(pane?.getAttribute("aria-labelledby") ?? "")?.focus();
}
