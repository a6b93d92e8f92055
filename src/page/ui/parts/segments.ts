/** A choice of a few, drawn as one control; plain radio buttons underneath. */
import { html, type TemplateResult } from "lit";

export function segments<T extends string | number>(
  name: string,
  legend: string,
  choices: readonly { value: T; label: string; hint?: string }[],
  chosen: T,
  choose: (value: T) => void,
): TemplateResult {
  return html`<fieldset class="segments"><legend class="visually-hidden">${legend}</legend>
    ${choices.map(
      ({
        value,
        label,
        hint,
      }) => html`<label title=${hint ?? ""}><input type="radio" name=${name} value=${value}
        .checked=${value === chosen} @change=${() => choose(value)}>${label}</label>`,
    )}
  </fieldset>`;
}
