/** The selection that all views share, in one line: which moment of the boot it is, and the way to it in each view. */
import { html, nothing } from "lit";
import "./selection-bar.css";
import { extendsOfCommand, seenExtends } from "../../model/chains.ts";
import type { PageState, PaneId } from "../../model/model.ts";
import { PageElement } from "../parts/element.ts";
import { phaseAt, phasesOf } from "../timeline/phases.ts";
import { ICONS } from "./icons.ts";

/** A view that shows the selection. */
interface Way {
  pane: PaneId;
  text: string;
  /** What is left out where there is little room. */
  more?: string;
  /** What it leads to, for people who only hear it. */
  label: string;
}

export class SelectionBar extends PageElement {
  protected override watch(state: Readonly<PageState>): readonly unknown[] {
    const { command, event, entry, access, panes, log } = state;
    const selected = [command, event, entry, access].some((one) => one !== undefined);
    return [command, event, entry, access, ...(selected ? [panes, log] : [])];
  }

  override render() {
    const { command, event, entry, access } = this.state;
    // There from the start, and between two boots: the views would jump when it comes, and the console draw itself anew.
    if ([command, event, entry, access].every((one) => one === undefined)) {
      return html`<section class="selection" aria-label="Selection"><p class="muted">Choose a command, an event, an
        access or a mark on the timeline: all views will show it.</p></section>`;
    }
    return html`<section class="selection" aria-label="Selection">
      <p>${this.#when()}</p>
      <div class="selection-ways">${this.#ways().map((way) => this.#way(way))}
        ${access === undefined ? html`<span class="muted">${this.#noAccesses}</span>` : nothing}</div>
      <button class="button quiet icon compact" type="button" aria-label="Select nothing"
        @click=${() => this.actions.select(undefined)}>${ICONS.close}</button>
    </section>`;
  }

  /** Moment and phase of the boot. */
  #when() {
    const { command, commands, tape } = this.state;
    const startedAt = commands.find(({ id }) => id === command)?.startedAt;
    if (startedAt === undefined || !tape || startedAt < tape.start) return html`<strong>Selected</strong>`;
    const phase = phaseAt(phasesOf(tape, seenExtends(this.state), Number.POSITIVE_INFINITY), startedAt);
    return html`<strong>${((startedAt - tape.start) / 1000).toFixed(2)} s</strong>${
      phase ? html` <span class="muted selection-more">in phase</span> ${phase}` : nothing
    }`;
  }

  #way({ pane, text, more, label }: Way) {
    const { panes } = this.state;
    const shown = panes.left === pane || panes.right === pane;
    return html`<button class="button compact" type="button" aria-label=${label} aria-current=${shown ? "true" : nothing}
      @click=${() => this.actions.showPane(pane)}>${text}${more ? html`<span class="selection-more"> ${more}</span>` : nothing}</button>`;
  }

  #ways(): Way[] {
    const { command, event, entry, access, commands, recorder, tape } = this.state;
    const record = commands.find(({ id }) => id === command);
    const [link] = record ? extendsOfCommand(this.state, record.id) : [];
    const ways: Way[] = [];
    if (link) {
      const text = `PCR ${link.change.pcr}`;
      ways.push({ pane: "pcrs", text, label: `Show ${text} with the link of its chain` });
    }
    if (event !== undefined)
      ways.push({ pane: "eventlog", text: `Event ${event}`, label: `Show event ${event} of the log` });
    if (entry !== undefined)
      ways.push({ pane: "eventlog", text: `Entry ${entry}`, label: `Show entry ${entry} of Linux’s list` });
    if (record) {
      const { id, name } = record;
      const label = `Show command #${id} ${name} with its bytes`;
      ways.push({ pane: "commands", text: `#${id}`, more: name, label });
    }
    if (access !== undefined) {
      const span = recorder.commands.at(access);
      const text = span && span.id === command ? `${span.last - span.first + 1} accesses` : "1 access";
      ways.push({ pane: "trace", text, label: `Show its ${text} to the registers` });
    }
    if (record && tape && record.startedAt >= tape.start)
      ways.push({ pane: "timeline", text: "Timeline", label: "Show it on the timeline" });
    return ways;
  }

  /** Why there is no way to the trace. */
  get #noAccesses(): string {
    const { replay, command, commands } = this.state;
    const record = commands.find(({ id }) => id === command);
    if (record?.origin === "page") return "sent beside the registers";
    return replay ? "accesses not in this recording" : "accesses not recorded";
  }
}

customElements.define("selection-bar", SelectionBar);
