/** Keeps what happens on the page while a lesson is open, and tells its checks what has happened since a moment. */

import { interfaceOf } from "../../device/interfaces/interfaces.ts";
import { LOCALITIES } from "../../device/tis/ports.ts";
import { REGISTERS } from "../../device/tis/registers.ts";
import { MOST_COMMANDS } from "../../session/command-list.ts";
import { type Access, unpackAccess } from "../../session/trace/index.ts";
import type { TpmHandle } from "../../session/types.ts";
import type { Notes, World } from "../lessons/index.ts";
import { SeenCommand } from "../lessons/seen.ts";
import { registerAddress } from "../model/interface.ts";
import type { PageState, PageStore } from "../model/model.ts";
import { WIDE } from "../ui/lessons/go.ts";

/** Of the accesses since a step began, the latest so many are looked at. */
const MOST_ACCESSES = 20_000;
/** Another one each time the page is loaded. */
const PAGE = String(performance.timeOrigin);
const PROMPT = /webtpm# /;

/** A moment, by what had happened until then. */
export interface Moment {
  commands: number;
  accesses: number;
  starts: number;
}

export class Witness {
  readonly #store: PageStore;
  #handle: TpmHandle | undefined;
  #end: (() => void) | undefined;
  /** As many as the page lists: they hold the same records. */
  readonly #commands: SeenCommand[] = [];
  /** Commands dropped from the front. */
  #dropped = 0;
  #starts = 0;

  constructor(store: PageStore) {
    this.#store = store;
    store.state.serial.onStart(() => this.#starts++);
    store.subscribe((state) => this.#follow(state.handle));
    this.#follow(store.state.handle);
  }

  #follow(handle: TpmHandle | undefined): void {
    if (handle === this.#handle) return;
    this.#end?.();
    this.#handle = handle;
    this.#end = handle?.on("command", (record) => {
      if (record.origin !== "guest") return;
      this.#commands.push(new SeenCommand(record, this.#starts));
      if (this.#commands.length <= MOST_COMMANDS) return;
      this.#commands.shift();
      this.#dropped++;
    });
  }

  now(): Moment {
    const { recorder } = this.#store.state;
    return {
      commands: this.#dropped + this.#commands.length,
      accesses: recorder.recording ? recorder.ring.end : 0,
      starts: this.#starts,
    };
  }

  world(since: Moment, notes: Notes): World {
    const { state } = this.#store;
    const commands = this.#commands.slice(Math.max(0, since.commands - this.#dropped));
    const phase = state.machine.phase;
    const version = state.tpm?.version;
    return {
      page: PAGE,
      machine: phase,
      bench: state.bench === "open",
      registers: state.handle && interfaceOf(state.tpm?.interface ?? "")?.name,
      family: version === "2.0" || version === "1.2" ? version : undefined,
      firmware: phase === "running" || phase === "paused" ? state.settings.firmware : undefined,
      variables: state.variables?.list,
      shell: hasShell(state),
      starts: this.#starts - since.starts,
      start: this.#starts,
      interface: state.interface,
      access: accessRegisters(state.handle),
      accesses: this.#byHand(since),
      commands,
      selected: this.#commands.findLast(({ id }) => id === state.command),
      panes: inSight(state),
      pcrs: state.pcrs,
      log: state.log,
      presence: state.presence,
      serial: state.serial.text,
      notes,
    };
  }

  #byHand({ accesses }: Moment): Access[] {
    const { recorder } = this.#store.state;
    if (!recorder.recording) return [];
    const { ring } = recorder;
    const found: Access[] = [];
    const first = Math.max(ring.start, accesses, ring.end - MOST_ACCESSES);
    for (let sequence = first; sequence < ring.end; sequence++) {
      const access = unpackAccess(sequence, ring.time(sequence), ring.word(sequence), ring.value(sequence));
      if (access.origin === "page" && !access.reset) found.push(access);
    }
    return found;
  }
}

/** Whether the guest's shell takes lines. */
export function hasShell({ machine, serial }: Readonly<PageState>): boolean {
  return machine.phase === "running" && PROMPT.test(serial.text);
}

function inSight({ panes }: Readonly<PageState>): string[] {
  return matchMedia(WIDE).matches ? [panes.left, panes.right] : [panes[panes.front]];
}

function accessRegisters(handle: TpmHandle | undefined): number[] {
  if (!handle) return [];
  return Array.from({ length: LOCALITIES }, (_, locality) =>
    handle.peek(registerAddress(locality, REGISTERS.ACCESS.offset), 1),
  );
}
