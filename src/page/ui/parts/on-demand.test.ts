import { html } from "lit";
import { describe, expect, it, vi } from "vitest";
import { OnDemand } from "./on-demand.ts";

const element = () => html`<the-element></the-element>`;
const text = (shown: ReturnType<OnDemand["show"]>) => shown?.strings.join("");

describe("an element on demand", () => {
  it("is not in the page before its code is, and then stays", async () => {
    let arrive = () => {};
    const load = vi.fn(() => new Promise<void>((resolve) => (arrive = resolve)));
    const part = new OnDemand(load);
    const changed = vi.fn();
    expect(part.show(false, changed, element)).toBeUndefined();
    expect(load).not.toHaveBeenCalled();
    expect(text(part.show(true, changed, element))).toContain("Loading");
    expect(text(part.show(true, changed, element))).not.toContain("the-element");
    arrive();
    await vi.waitFor(() => expect(changed).toHaveBeenCalledOnce());
    expect(text(part.show(true, changed, element))).toContain("the-element");
    expect(text(part.show(false, changed, element))).toContain("the-element");
    expect(load).toHaveBeenCalledOnce();
  });

  it("that cannot be loaded says so, and what to do", async () => {
    const part = new OnDemand(() => Promise.reject(new Error("gone")));
    const changed = vi.fn();
    part.show(true, changed, element);
    await vi.waitFor(() => expect(changed).toHaveBeenCalledOnce());
    expect(text(part.show(true, changed, element))).toContain("could not be loaded");
    expect(text(part.show(true, changed, element))).toContain("Try again");
  });

  it("is loaded ahead without being shown, and who opens it meanwhile is told", async () => {
    let arrive = () => {};
    const part = new OnDemand(() => new Promise<void>((resolve) => (arrive = resolve)));
    const changed = vi.fn();
    const ahead = part.ahead();
    expect(part.show(false, changed, element)).toBeUndefined();
    expect(text(part.show(true, changed, element))).toContain("Loading");
    arrive();
    expect(await ahead).toBe(true);
    expect(changed).toHaveBeenCalledOnce();
    expect(text(part.show(true, changed, element))).toContain("the-element");
  });

  it("that could not be loaded ahead is tried again when it is shown", async () => {
    const load = vi.fn<() => Promise<void>>().mockRejectedValueOnce(new Error("no server"));
    load.mockResolvedValue(undefined);
    const part = new OnDemand(load);
    expect(await part.ahead()).toBe(false);
    const changed = vi.fn();
    expect(text(part.show(true, changed, element))).toContain("Loading");
    await vi.waitFor(() => expect(changed).toHaveBeenCalledOnce());
    expect(text(part.show(true, changed, element))).toContain("the-element");
  });
});
