/** The controls of a recording that is played, under the status line; nothing while none is. */
import { html, nothing } from "lit";
import "./timeline.css";
import type { PageState } from "../../model/model.ts";
import { PageElement } from "../parts/element.ts";
import { ICONS } from "../shell/icons.ts";

const SPEEDS = [0.25, 0.5, 1, 2, 4, 8];

export class PlayerBar extends PageElement {
  protected override watch(state: Readonly<PageState>): readonly unknown[] {
    return [state.replay];
  }

  override render() {
    const { replay } = this.state;
    if (!replay) return nothing;
    const { recordings } = this.actions;
    const { label, time, duration, playing, speed, recordedAt } = replay;
    const date = new Date(recordedAt).toLocaleDateString(undefined, { dateStyle: "medium" });
    return html`<section class="player" aria-label="Recording">
      <p class="player-what"><strong>A recorded boot</strong> <span class="muted" title="recorded ${date}">${label}. Press <em>Boot</em> to start the PC for real.</span></p>
      <div class="player-controls">
        <button class="button" type="button" @click=${() => (playing ? recordings.pause() : recordings.play())}>
          ${playing ? ICONS.pause : ICONS.play} ${playing ? "Pause" : "Play"}</button>
        <input type="range" min="0" max=${Math.ceil(duration)} step="10" .value=${String(Math.round(time))} aria-label="Time in the boot"
          aria-valuetext="${seconds(time)} of ${seconds(duration)}"
          @input=${(event: Event) => {
            recordings.pause();
            recordings.seek(Number((event.target as HTMLInputElement).value));
          }}>
        <output class="num">${seconds(time)}</output>
        <select aria-label="Speed" @change=${(event: Event) => recordings.setSpeed(Number((event.target as HTMLSelectElement).value))}>
          ${SPEEDS.map((one) => html`<option value=${one} ?selected=${one === speed}>${one}×</option>`)}
        </select>
        <button class="button quiet icon" type="button" aria-label="Close the recording" @click=${() => recordings.stop()}>${ICONS.close}</button>
      </div>
    </section>`;
  }
}

const seconds = (time: number) => `${(time / 1000).toFixed(2)} s`;

customElements.define("player-bar", PlayerBar);
