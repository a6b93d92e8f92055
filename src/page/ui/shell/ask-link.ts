/** Asks the owner whether an address, or a machine from a file, may have what it wants. Whatever is no clear yes runs in a throw-away machine. */
import { html, nothing, render } from "lit";
import "./ask-link.css";

/** One thing that the address wants, in words. */
export interface WishText {
  /** What it is: "Command line". */
  label: string;
  value: string;
  /** Where it comes from, when that is not this page's own server. */
  origin?: string | undefined;
  /** What the kept machine has in its place; undefined when it has the same, or there is none. */
  instead?: string | undefined;
}

export interface LinkText {
  /** Who wants it. */
  by: "link" | "machine";
  wishes: readonly WishText[];
  /** The machine whose TPM could be used in place of a new one. */
  machine?: string | undefined;
  /** Whether the TPM's state would leave this page's server and browser. */
  bridge: boolean;
}

type Answer = "throw-away" | "kept" | "no";

/** The first button has the focus, and Esc stands for it. */
export async function askLink(link: LinkText): Promise<Answer> {
  const dialog = document.createElement("dialog");
  dialog.className = "ask ask-link";
  dialog.setAttribute("aria-labelledby", "ask-link-title");
  dialog.setAttribute("aria-describedby", "ask-link-text");
  let answer: Answer = "throw-away";
  const say = (given: Answer) => () => {
    answer = given;
    dialog.close();
  };
  render(content(link, say), dialog);
  document.body.append(dialog);
  const closed = new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  const before = document.activeElement;
  dialog.showModal();
  await closed;
  dialog.remove();
  if (before instanceof HTMLElement) before.focus();
  return answer;
}

function content({ by, wishes, machine, bridge }: LinkText, say: (answer: Answer) => () => void) {
  return html`
    <h2 id="ask-link-title">${
      by === "link"
        ? "This link wants something of its own to run here"
        : "This machine wants something from another server to run here"
    }</h2>
    <p id="ask-link-text">${by === "link" ? "It" : "What it is set to"} may come from a stranger. In a throw-away machine it gets a new TPM that knows nothing of
      yours, and all of it is gone when this page is closed.</p>
    ${
      machine === undefined
        ? nothing
        : html`<p class="small">With “${machine}” it gets that machine's own TPM${
            bridge
              ? html`: <strong>whoever runs the bridge can read and change all of it, its keys and secrets too.</strong>`
              : ", and what was sealed to what that machine boots may no longer open."
          }</p>`
    }
    <dl>${wishes.map(wish)}</dl>
    <div class="ask-link-answers">
      <button class="button primary" type="button" autofocus @click=${say("throw-away")}>Run it in a throw-away
        machine</button>
      ${
        machine === undefined
          ? nothing
          : html`<button class="button" type="button" @click=${say("kept")}>Use it with “${machine}”, which is
            kept</button>`
      }
      <button class="button quiet" type="button" @click=${say("no")}>Do not run it</button>
    </div>`;
}

function wish({ label, value, origin, instead }: WishText) {
  return html`<dt>${label}</dt>
    <dd><code>${value}</code>
      ${origin === undefined ? nothing : html`<span class="ask-link-note">from another server: <strong>${origin}</strong></span>`}
      ${instead === undefined ? nothing : html`<span class="ask-link-note">in place of: ${instead}</span>`}</dd>`;
}
