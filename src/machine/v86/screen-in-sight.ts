/**
 * v86 draws the guest's screen into the page with every frame, whether anybody can see it or not: sixty frames a second
 * that the page then has to make, for which the guest waits. Here it draws while the screen is in sight.
 */
import type { ScreenAdapter } from "./v86-internals.ts";

/** @param emulator leaves one alone whose screen works otherwise than in v86 0.5. */
export function drawInSight(emulator: object, container: Element): void {
  const screen = (emulator as { screen_adapter?: ScreenAdapter }).screen_adapter;
  const { destroy } = screen ?? {};
  if (!screen?.timer || !screen.update_screen || !destroy) return;
  let inSight = false;
  let waiting = false;
  let frame = 0;
  const draw = () => {
    waiting = false;
    frame = requestAnimationFrame(() => screen.update_screen?.());
  };
  const observer = new IntersectionObserver((entries) => {
    inSight = entries.at(-1)?.isIntersecting === true;
    if (inSight && waiting) draw();
  });
  observer.observe(container);
  screen.timer = () => {
    if (inSight) draw();
    else waiting = true;
  };
  screen.destroy = () => {
    observer.disconnect();
    cancelAnimationFrame(frame);
    destroy.call(screen);
  };
}
