/**
 * The panes of the page: one row each. A wide page shows two halves side by side, each with its own tabs; a narrow
 * one shows one pane at a time under one row of tabs. A new view is a new row here.
 */
import { html, type TemplateResult } from "lit";
import type { PageActions, PageStore } from "../../page-model/model.ts";

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
    render: ({ store, actions, active }) =>
      html`<machine-list .store=${store} .actions=${actions} ?active=${active}></machine-list>`,
  },
  {
    id: "lessons",
    title: "Lessons",
    side: "left",
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
    render: ({ store, actions, active }) =>
      html`<tpm-event-log .store=${store} .actions=${actions} .active=${active}></tpm-event-log>`,
  },
  {
    id: "commands",
    title: "Commands",
    side: "right",
    render: ({ store, actions, active }) =>
      html`<tpm-commands .store=${store} .actions=${actions} .active=${active}></tpm-commands>`,
  },
  {
    id: "registers",
    title: "Registers",
    side: "right",
    render: ({ store, actions, active }) =>
      html`<tpm-registers .store=${store} .actions=${actions} .active=${active}></tpm-registers>`,
  },
  {
    id: "trace",
    title: "Accesses",
    side: "right",
    render: ({ store, actions, active }) =>
      html`<tpm-trace .store=${store} .actions=${actions} .active=${active}></tpm-trace>`,
  },
  {
    id: "timeline",
    title: "Timeline",
    side: "right",
    render: ({ store, actions, active }) =>
      html`<boot-timeline .store=${store} .actions=${actions} .active=${active}></boot-timeline>`,
  },
];

/** The pane of that id, or undefined. */
export function paneOf(id: string | undefined): Pane | undefined {
  return PANES.find((pane) => pane.id === id);
}
