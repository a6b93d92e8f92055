/** One question in a dialog of the browser's own: a title, maybe a text and fields, yes or no. */
import { html, nothing, render } from "lit";
import "./machines.css";

export interface Field {
  name: string;
  label: string;
  type?: "text" | "password";
  value?: string;
  required?: boolean;
  /** A list to choose from, in place of a line to fill in. */
  choices?: readonly string[];
}

export interface Question {
  title: string;
  text?: string;
  fields?: readonly Field[];
  /** The button that says yes. */
  confirm: string;
  /** A button that says yes as well, with `answer: "first"` among the fields. */
  first?: string;
  /** What follows cannot be undone. */
  danger?: boolean;
}

/** The fields by name, or undefined when the answer is no. */
export async function ask(question: Question): Promise<Record<string, string> | undefined> {
  const dialog = document.createElement("dialog");
  dialog.className = "ask";
  dialog.setAttribute("aria-labelledby", "ask-title");
  if (question.text !== undefined) dialog.setAttribute("aria-describedby", "ask-text");
  let answer: Record<string, string> | undefined;
  const yes = (event: SubmitEvent) => {
    const values = new FormData(event.target as HTMLFormElement, event.submitter);
    answer = Object.fromEntries(Array.from(values, ([name, value]) => [name, String(value)]));
  };
  render(content(question, yes, dialog), dialog);
  document.body.append(dialog);
  const closed = new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  const before = document.activeElement;
  dialog.showModal();
  await closed;
  dialog.remove();
  if (before instanceof HTMLElement) before.focus();
  return answer;
}

function content(question: Question, yes: (event: SubmitEvent) => void, dialog: HTMLDialogElement) {
  const { title, text, fields = [], confirm, first, danger } = question;
  return html`<form method="dialog" @submit=${yes}>
    <h2 id="ask-title">${title}</h2>
    ${text ? html`<p id="ask-text">${text}</p>` : nothing}
    ${fields.map(field)}
    <div class="machines-row">
      <button class="button primary" type="submit" data-danger=${danger ?? false}>${confirm}</button>
      ${first === undefined ? nothing : html`<button class="button" type="submit" name="answer" value="first">${first}</button>`}
      <button class="button" type="button" @click=${() => dialog.close()}>Cancel</button>
    </div>
  </form>`;
}

function field({ name, label, type = "text", value = "", required = false, choices }: Field) {
  return html`<label>${label}
    ${
      choices
        ? html`<select name=${name}>${choices.map((choice) => html`<option>${choice}</option>`)}</select>`
        : html`<input name=${name} type=${type} .value=${value} ?required=${required} autocomplete="off" maxlength="100">`
    }</label>`;
}
