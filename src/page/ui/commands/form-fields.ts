/** A form for values of the tables' definitions: one control a number or buffer, nested for structures and lists. */

import { html, nothing, type TemplateResult } from "lit";
import { own } from "../../../protocol/bytes/own.ts";
import type { Value } from "../../../protocol/tpm2/encode-type.ts";
import type { ConstantDefinition, Definition, FieldSpec } from "../../../protocol/tpm2/schema.ts";
import { type FormValues, firstValue } from "./form-defaults.ts";

/** Deeper structures are typed as hex by whoever needs them. */
const MOST_OPTIONS = 200;

/** The controls of some fields. `change` gives the whole record anew. */
export function formFields(
  specs: readonly FieldSpec[],
  values: FormValues,
  path: string,
  change: (values: FormValues) => void,
): TemplateResult {
  return html`${specs.map((spec) => {
    const type = spec.type.kind === "union" ? chosenForm(spec, specs, values) : spec.type;
    if (!type) return nothing;
    const set = (value: Value) => change({ ...values, [spec.name]: value });
    return control(
      { ...spec, type },
      own(values, spec.name) ?? firstValue({ ...spec, type }),
      `${path}-${spec.name}`,
      set,
    );
  })}`;
}

type Set = (value: Value) => void;

function control(spec: FieldSpec, value: Value, id: string, set: Set): TemplateResult {
  const { name, type } = spec;
  switch (type.kind) {
    case "struct":
      return group(spec, formFields(type.fields, record(value), id, set));
    case "sized":
      return group(spec, sizedControl(spec, type.content, type.field, value, id, set));
    case "list":
      return group(spec, listControl(type.item, list(value), id, set));
    case "constant":
      return constantControl(spec, type, text(value), id, set);
    default:
      return html`<label class="form-field" for=${id} title=${spec.meaning}><span>${name}</span>
        <input id=${id} type="text" spellcheck="false" autocomplete="off" placeholder=${hint(type)}
          .value=${text(value)} @input=${(event: Event) => set(typed(event))}></label>`;
  }
}

function constantControl(
  spec: FieldSpec,
  type: ConstantDefinition,
  value: string,
  id: string,
  set: Set,
): TemplateResult {
  const names = [...type.values.values()].slice(0, MOST_OPTIONS);
  return html`<label class="form-field" for=${id} title=${spec.meaning}><span>${spec.name}</span>
    <input id=${id} type="text" spellcheck="false" autocomplete="off" placeholder="a name or number" list="${id}-names"
      .value=${value} @input=${(event: Event) => set(typed(event))}>
    <datalist id="${id}-names">${names.map(({ name, meaning }) => html`<option value=${name}>${meaning}</option>`)}</datalist></label>`;
}

function sizedControl(
  spec: FieldSpec,
  content: Definition,
  field: string,
  value: Value,
  id: string,
  set: Set,
) {
  const isRecord = content.kind === "struct";
  const present = value !== null && value !== undefined && (value !== "" || !isRecord);
  return html`<label class="form-check"><input type="checkbox" .checked=${present}
      @change=${(event: Event) => set((event.target as HTMLInputElement).checked ? (isRecord ? {} : "") : null)}> give one</label>
    ${
      present
        ? control({ name: field, type: content, meaning: spec.meaning }, value, `${id}-${field}`, set)
        : nothing
    }`;
}

function listControl(item: Definition, items: readonly Value[], id: string, set: Set) {
  const spec = (index: number): FieldSpec => ({ name: `[${index}]`, type: item, meaning: item.meaning });
  return html`${items.map(
    (value, index) => html`<div class="form-item">
      ${control(spec(index), value, `${id}-${index}`, (next) => set(items.with(index, next)))}
      <button class="button quiet" type="button" aria-label="Remove item ${index}"
        @click=${() => set(items.toSpliced(index, 1))}>Remove</button></div>`,
  )}
    <button class="button" type="button" @click=${() => set([...items, firstValue(spec(items.length))])}>Add an item</button>`;
}

function group({ name, meaning }: FieldSpec, content: unknown): TemplateResult {
  return html`<fieldset class="form-group" title=${meaning}><legend>${name}</legend>${content}</fieldset>`;
}

/** The form that a union takes, by the field that selects it; undefined while that field says nothing it knows. */
function chosenForm(
  spec: FieldSpec,
  specs: readonly FieldSpec[],
  values: FormValues,
): Definition | undefined {
  if (spec.type.kind !== "union") return spec.type;
  const selector = specs.find(({ name }) => name === spec.by);
  const number = selector && constantOf(selector.type, text(own(values, selector.name)));
  const found = number === undefined ? null : spec.type.cases.get(number);
  return (found === undefined ? spec.type.otherwise : found) ?? undefined;
}

function constantOf(type: Definition, name: string): number | undefined {
  if (/^(0x[0-9a-f]+|\d+)$/i.test(name)) return Number(name);
  if (type.kind !== "constant") return undefined;
  return [...type.values].find(([, entry]) => entry.name === name || entry.name.endsWith(`_${name}`))?.[0];
}

function hint(type: Definition): string {
  if (type.kind === "uint") return "0";
  if (type.kind === "attributes") return "names joined by |";
  if (type.kind === "buffer" && type.show === "pcrs") return "PCRs, e.g. 0-7,16";
  return 'hex, or "text"';
}

const typed = (event: Event) => (event.target as HTMLInputElement).value;
const text = (value: Value): string => (value === undefined || value === null ? "" : String(value));
const list = (value: Value): readonly Value[] => (Array.isArray(value) ? value : []);
const record = (value: Value): FormValues =>
  value && typeof value === "object" && !Array.isArray(value) && !(value instanceof Uint8Array)
    ? (value as FormValues)
    : {};
