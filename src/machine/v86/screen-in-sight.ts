/**
 * v86 draws the guest's screen into the page with every frame, whether anybody can see it or not: sixty frames a second
 * that the page then has to make, for which the guest waits. And it draws nothing of a machine that stands still, not
 * even what the guest has written since it was drawn last; nor does a reset change what it shows. Here the screen is drawn
 * while it is in sight, shows where a machine stands, and is dark after a reset until the firmware draws, as a PC's is.
 */
import type { ScreenAdapter } from "./v86-internals.ts";

const BLANK = 0x20;
const BLACK = 0;

/** @param emulator leaves one alone whose screen works otherwise than in v86 0.5. */
export function drawInSight(
  emulator: object,
  container: Element,
  onReset: (listener: () => void) => () => void,
): void {
  const screen = (emulator as { screen_adapter?: ScreenAdapter }).screen_adapter;
  const { destroy, pause, continue: goOn } = screen ?? {};
  if (!screen?.timer || !screen.update_screen || !destroy || !pause || !goOn) return;
  let inSight = false;
  let waiting = false;
  let still = false;
  let frame = 0;
  const draw = () => {
    waiting = false;
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(() => {
      if (!still) screen.update_screen?.();
      else drawOnce();
    });
  };
  /** v86 leaves out a machine that stands still; it asks for the next drawing in any case. */
  const drawOnce = () => {
    goOn.call(screen);
    try {
      screen.update_screen?.();
    } finally {
      pause.call(screen);
    }
  };
  const observer = new IntersectionObserver((entries) => {
    inSight = entries.at(-1)?.isIntersecting === true;
    if (inSight && waiting) draw();
  });
  observer.observe(container);
  screen.timer = () => {
    if (inSight && !still) draw();
    else waiting = true;
  };
  const change = (stands: boolean) => {
    still = stands;
    if (inSight) draw();
    else waiting = true;
  };
  screen.pause = () => {
    pause.call(screen);
    change(true);
  };
  screen.continue = () => {
    goOn.call(screen);
    change(false);
  };
  const off = onReset(() => {
    darken(screen);
    change(still);
  });
  screen.destroy = () => {
    off();
    observer.disconnect();
    cancelAnimationFrame(frame);
    destroy.call(screen);
  };
}

/** Text without a character; what the guest draws next shows as ever. */
function darken(screen: ScreenAdapter): void {
  screen.set_mode?.(false);
  for (const [row, text] of (screen.get_text_screen?.() ?? []).entries())
    for (let column = 0; column < text.length; column++)
      screen.put_char?.(row, column, BLANK, 0, BLACK, BLACK);
}
