/**
 * Stands between the page's address and a kept TPM: the address is a stranger's until the owner has said otherwise.
 * What it wants of machine or TPM is asked before it is done; without a clear yes it runs in a machine that is thrown
 * away, with a TPM of its own. A yes is for one machine. What a kept machine loads from elsewhere is asked about alike:
 * its settings may have come in a file.
 */
import type { MachineSettings } from "../../session/vault/types.ts";
import { asksNothing, type Parameters, type Wish, wishesToAsk } from "./link-wishes.ts";

/**
 * - `throw-away`: in a machine that nothing is kept of.
 * - `kept`: with the machine that was named, and its TPM.
 * - `no`: not at all.
 */
export type LinkAnswer = "throw-away" | "kept" | "no";

export interface LinkQuestion {
  wishes: readonly Wish[];
  /** Who wants it: the page's address, or the settings of the machine that was chosen. */
  by: "link" | "machine";
  /** The machine whose TPM would be used; undefined where no kept one would be. */
  machine?: string | undefined;
}

/** The owner does not want what the address says. */
export class LinkRefusedError extends Error {
  override name = "LinkRefusedError";
  constructor() {
    super("what the link or the machine asks for was turned down: nothing of it was done");
  }
}

/** What is about to be started. */
export interface Start {
  /** Name of the machine; undefined for a TPM on the bench, of which nothing is kept. */
  machine?: string | undefined;
  /** What the page is set to. */
  now: Parameters;
  /** Settings of the machine of that name, where it has a TPM that is kept; "unknown" where nobody can tell now. */
  kept?: MachineSettings | "unknown" | undefined;
}

export class LinkGuard {
  #link: Parameters | undefined;
  #by: LinkQuestion["by"] = "link";
  /** What machines may load from elsewhere, by machine and what it loads. */
  readonly #allowed = new Set<string>();
  readonly #base: string;
  readonly #ask: (question: LinkQuestion) => Promise<LinkAnswer>;
  #throwAway = false;
  /** The machine that the address may have. */
  #grantedTo: string | undefined;
  /** One question at a time. */
  #tail: Promise<unknown> = Promise.resolve();

  /**
   * @param link what the address said, without what the page does anyway
   * @param base the page's own address
   * @param ask shows what is wanted, and gives the owner's answer
   * @param grantedTo the machine for which the owner has said yes already
   */
  constructor(
    link: Parameters,
    base: string,
    ask: (question: LinkQuestion) => Promise<LinkAnswer>,
    grantedTo?: string,
  ) {
    this.#link = asksNothing(link) ? undefined : link;
    this.#base = base;
    this.#ask = ask;
    this.#grantedTo = grantedTo;
    if (grantedTo !== undefined) this.#allow(grantedTo, this.#fromElsewhere(link));
  }

  /** Nothing that is started is kept. */
  get throwAway(): boolean {
    return this.#throwAway;
  }

  /** The address's bridge as it stands there, for the address only: who may have a TPM is told by {@link bridgeFor}. */
  get bridge(): string | undefined {
    return this.#link?.bridge;
  }

  /** Whether the page's address is the owner's own, as far as machine `name` goes. */
  trusts(name: string): boolean {
    return !this.#link || (!this.#throwAway && this.#grantedTo === name);
  }

  /** The bridge that machine `name` may use, or with no name a TPM of which nothing is kept. */
  bridgeFor(name: string | undefined): string | undefined {
    const granted = name === undefined ? this.#grantedTo !== undefined : this.#grantedTo === name;
    return this.#throwAway || granted ? this.#link?.bridge : undefined;
  }

  /**
   * Asks, where there is something to ask. When it resolves, `throwAway` and `bridgeFor` say how to start.
   * @throws {LinkRefusedError}
   */
  settle(start: Start): Promise<void> {
    const done = this.#tail.then(() => this.#settle(start));
    this.#tail = done.catch(() => undefined);
    return done;
  }

  async #settle({ machine, now, kept }: Start): Promise<void> {
    if (!this.#link || this.#throwAway) return;
    if (machine === undefined ? this.#grantedTo !== undefined : this.#grantedTo === machine) return;
    const bridge = this.#link.bridge;
    // A TPM on the bench has no machine that could boot anything.
    const wanted = machine === undefined ? { ...(bridge !== undefined && { bridge }) } : this.#link;
    const place = { base: this.#base, kept: kept === "unknown" ? undefined : kept };
    const wishes = wishesToAsk(wanted, { ...now, ...(bridge !== undefined && { bridge }) }, place);
    if (!wishes) {
      // Who does not know what is kept gives nothing away for later.
      if (machine !== undefined && kept !== "unknown") this.#grantedTo = machine;
      return;
    }
    const answer = await this.#ask({ wishes, machine, by: this.#by });
    if (answer === "no") {
      this.over();
      throw new LinkRefusedError();
    }
    this.#throwAway = answer === "throw-away" || machine === undefined;
    if (this.#throwAway || machine === undefined) return;
    this.#grantedTo = machine;
    this.#allow(machine, wishes);
  }

  #allow(machine: string, wishes: readonly Wish[]): void {
    for (const wish of wishes) this.#allowed.add(allowance(machine, wish));
  }

  #fromElsewhere(wanted: Parameters): Wish[] {
    const wishes = wishesToAsk(wanted, wanted, { base: this.#base }) ?? [];
    return wishes.filter(({ origin }) => origin !== undefined);
  }

  /**
   * The owner has chosen a kept machine on the page: it boots as it is kept, wherever the page's address came from.
   * @param settings that it is to boot with; they may have come in a file, and what they load from elsewhere is asked
   */
  choose(machine: string, settings: Parameters): void {
    const bridge = this.trusts(machine) ? this.#link?.bridge : undefined;
    if (bridge === undefined) this.over();
    const wishes = this.#fromElsewhere(settings);
    if (wishes.every((wish) => this.#allowed.has(allowance(machine, wish)))) return;
    this.#link = { ...settings, ...(bridge !== undefined && { bridge }) };
    this.#by = "machine";
    this.#grantedTo = undefined;
  }

  /** The owner has chosen something else: from here on the page is as if it had been opened without a link. */
  over(): void {
    this.#link = undefined;
    this.#by = "link";
    this.#throwAway = false;
    this.#grantedTo = undefined;
  }
}

const allowance = (machine: string, { name, value }: Wish) => JSON.stringify([machine, name, value]);
