/**
 * The panes of the page: one row each. A wide page shows two halves side by side, each with its own tabs; a narrow
 * one shows one pane at a time under one row of tabs. A new view is a new row here.
 */
import { html, type TemplateResult } from "lit";
import type { PageActions, PageStore } from "../../model/model.ts";
import { OnDemand } from "../parts/on-demand.ts";

export type Side = "left" | "right";

/** What a pane is drawn with. */
export interface PaneContext {
  store: PageStore;
  actions: PageActions;
  active: boolean;
}

export interface Pane {
  id: string;
  title: string;
  side: Side;
  render(context: PaneContext): TemplateResult;
  /** Its element's code, where a first visit need not wait for it. */
  code?: OnDemand;
}

export const PANES: readonly Pane[] = [
  {
    id: "machine",
    title: "Machine",
    side: "left",
    render: ({ store, actions, active }) =>
      html`<machine-setup .store=${store} .actions=${actions} .active=${active}></machine-setup>`,
  },
  {
    id: "serial",
    title: "Serial console",
    side: "left",
    render: ({ store, actions, active }) =>
      html`<serial-console .store=${store} .actions=${actions} .active=${active}></serial-console>`,
  },
  {
    id: "screen",
    title: "Screen",
    side: "left",
    render: ({ store, actions, active }) =>
      html`<vga-screen .store=${store} .actions=${actions} .active=${active}></vga-screen>`,
  },
  {
    id: "machines",
    title: "Storage",
    side: "left",
    code: new OnDemand(() => import("../machines/machines.ts")),
    render: ({ store, actions, active }) =>
      html`<machine-list .store=${store} .actions=${actions} ?active=${active}></machine-list>`,
  },
  {
    id: "lessons",
    title: "Lessons",
    side: "left",
    code: new OnDemand(() => import("../lessons/lessons.ts")),
    render: ({ store, actions, active }) =>
      html`<tpm-lessons .store=${store} .actions=${actions} .active=${active}></tpm-lessons>`,
  },
  {
    id: "pcrs",
    title: "PCRs",
    side: "right",
    render: ({ store, actions, active }) =>
      html`<tpm-pcrs .store=${store} .actions=${actions} .active=${active}></tpm-pcrs>`,
  },
  {
    id: "eventlog",
    title: "Event log",
    side: "right",
    code: new OnDemand(() => import("../eventlog/event-log.ts")),
    render: ({ store, actions, active }) =>
      html`<tpm-event-log .store=${store} .actions=${actions} .active=${active}></tpm-event-log>`,
  },
  {
    id: "commands",
    title: "Commands",
    side: "right",
    code: new OnDemand(() => import("../commands/commands.ts")),
    render: ({ store, actions, active }) =>
      html`<tpm-commands .store=${store} .actions=${actions} .active=${active}></tpm-commands>`,
  },
  {
    id: "registers",
    title: "Registers",
    side: "right",
    code: new OnDemand(() => import("../registers/registers.ts")),
    render: ({ store, actions, active }) =>
      html`<tpm-registers .store=${store} .actions=${actions} .active=${active}></tpm-registers>`,
  },
  {
    id: "trace",
    title: "Accesses",
    side: "right",
    code: new OnDemand(() => import("../trace/trace.ts")),
    render: ({ store, actions, active }) =>
      html`<tpm-trace .store=${store} .actions=${actions} .active=${active}></tpm-trace>`,
  },
  {
    id: "timeline",
    title: "Timeline",
    side: "right",
    code: new OnDemand(() => import("../timeline/timeline.ts")),
    render: ({ store, actions, active }) =>
      html`<boot-timeline .store=${store} .actions=${actions} .active=${active}></boot-timeline>`,
  },
  {
    id: "uefi",
    title: "UEFI",
    side: "right",
    code: new OnDemand(() => import("../uefi/variables.ts")),
    render: ({ store, actions, active }) =>
      html`<uefi-variables .store=${store} .actions=${actions} .active=${active}></uefi-variables>`,
  },
];

/** The pane of that id, or undefined. */
export function paneOf(id: string | undefined): Pane | undefined {
  return PANES.find((pane) => pane.id === id);
}

/**
 * Loads the code of every pane, so that none needs the server any more.
 * @returns whether all are here.
 */
export async function loadPanes(): Promise<boolean> {
  const here = await Promise.all(PANES.map(({ code }) => code?.ahead() ?? true));
  return here.every(Boolean);
}
